import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { findBrowser } from "./find-browser.ts";
import type { PagePiece } from "./page-fetch.ts";

export type BrowserOptions = {
  /** The page that requests are made from. */
  readonly origin: URL;
  /** Folder of the browser's profile: who is signed in. */
  readonly profile: string;
  /** Show the browser first, until the person has signed in. */
  readonly signIn: boolean;
  /** A cookie that is there while somebody is signed in. */
  readonly signedInCookie?: string;
  readonly browser?: string;
  readonly isVisible: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A line for the person at the terminal. */
  readonly onEvent: (text: string) => void;
};

/** A page that requests can be made from. */
export type ReadyPage = { readonly page: Page; readonly binding: string };

/** A browser that is there whenever it is asked for. */
export type Browser = {
  /** The page, started anew if need be. */
  page(): Promise<ReadyPage>;
  isSignedIn(): Promise<boolean>;
  close(): Promise<void>;
};

const firstPauseMs = 500;
const longestPauseMs = 30_000;
const signInPollMs = 500;

/** Nothing but the page itself talks to the network. */
const quiet = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-pings",
  "--no-first-run",
];

/** `onPiece` is called by the page; `onEnd` when the browser is gone, on purpose or not. */
export async function startBrowser(
  options: BrowserOptions,
  onPiece: (piece: PagePiece) => Promise<void>,
  onEnd: () => void,
): Promise<Browser> {
  const { origin, signedInCookie, onEvent } = options;
  const executablePath = findBrowser(options.browser, options.environment);
  mkdirSync(options.profile, { recursive: true, mode: 0o700 });
  const binding = `trunkline${randomBytes(8).toString("hex")}`;
  let context: BrowserContext | undefined;
  let ready: Promise<ReadyPage> | undefined;
  let isClosed = false;
  let pauseMs = 0;

  async function launch(headless: boolean): Promise<BrowserContext> {
    const launched = await chromium.launchPersistentContext(options.profile, {
      executablePath,
      headless,
      // Chromium's sandbox cannot be had by root.
      chromiumSandbox: process.getuid?.() !== 0,
      args: quiet,
      env: options.environment as Record<string, string>,
      viewport: null,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    context = launched;
    launched.on("close", () => {
      if (context === launched) context = undefined;
      ready = undefined;
      onEnd();
    });
    await launched.exposeBinding(binding, (_source, piece: PagePiece) => onPiece(piece));
    return launched;
  }

  const hasCookie = async (where: BrowserContext) =>
    signedInCookie === undefined || (await where.cookies(origin.href)).some(({ name }) => name === signedInCookie);

  /** Shows the browser until the person is done with it. */
  async function letSignIn(): Promise<void> {
    const shown = await launch(false);
    const gone = new Promise<"gone">((resolve) => shown.on("close", () => resolve("gone")));
    const page = shown.pages()[0] ?? (await shown.newPage());
    await page.goto(origin.href);
    onEvent(
      `Sign in in the browser's window${signedInCookie === undefined ? ", and close it when you are done" : ""}.`,
    );
    for (;;) {
      const isDone = await Promise.race([gone, wait(signInPollMs)]);
      if (isDone === "gone") return;
      if (signedInCookie === undefined || !(await hasCookie(shown).catch(() => false))) continue;
      // Written out before the browser ends.
      await page.waitForLoadState("networkidle").catch(() => {});
      await shown.close();
      return;
    }
  }

  async function prepare(): Promise<ReadyPage> {
    if (pauseMs > 0) await wait(pauseMs);
    pauseMs = Math.min(longestPauseMs, pauseMs === 0 ? firstPauseMs : pauseMs * 2);
    const running = context ?? (await launch(!options.isVisible));
    const page = running.pages()[0] ?? (await running.newPage());
    page.on("crash", () => {
      onEvent("the page crashed; the browser is started again");
      void running.close().catch(() => {});
    });
    await page.goto(origin.href, { waitUntil: "domcontentloaded" });
    pauseMs = 0;
    return { page, binding };
  }

  function obtain(): Promise<ReadyPage> {
    if (isClosed) return Promise.reject(new Error("the worker is ending"));
    ready ??= prepare().catch((error: unknown) => {
      ready = undefined;
      throw error;
    });
    return ready;
  }

  if (options.signIn) await letSignIn();
  await obtain();
  onEvent(
    `the browser is ready at ${origin.origin}${(await hasCookie(context!)) ? "" : ", where nobody is signed in: run with --sign-in"}`,
  );

  return {
    async page() {
      const found = await obtain();
      if (!found.page.isClosed() && new URL(found.page.url()).origin === origin.origin) return found;
      // The page went elsewhere, or its tab was closed.
      ready = undefined;
      return obtain();
    },
    isSignedIn: async () => context !== undefined && hasCookie(context),
    async close() {
      isClosed = true;
      await context?.close().catch(() => {});
    },
  };
}
