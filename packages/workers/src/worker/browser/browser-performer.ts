import { addressAt, answerHeaders } from "../fetch-performer.ts";
import { WorkError, type Performer, type WorkAnswer } from "../performer.ts";
import { startBrowser, type BrowserOptions, type ReadyPage } from "./browser.ts";
import { cancelInPage, fetchInPage, type PageOutcome, type PagePiece } from "./page-fetch.ts";

export type BrowserPerformerOptions = BrowserOptions & {
  /** Where requests go; the page's own origin when absent. */
  readonly target?: URL;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
};

/** Headers a page may not set, or that would tell where a request really comes from. */
const forbidden = new Set([
  "host",
  "connection",
  "content-length",
  "accept-encoding",
  "transfer-encoding",
  "cookie",
  "origin",
  "referer",
  "user-agent",
]);

/** Bytes of one answer that may wait in the page for a slow reader. */
const mostAhead = 32 * 1024 * 1024;
const tooSlow = `the answer came faster than it was read, and a browser keeps no more than ${mostAhead / 1024 / 1024} MiB of it`;
const signedOut =
  "the site sent the request to another page: whoever was signed in may not be any more; run the worker with --sign-in";

type Running = { readonly answer: WorkAnswer; fail(error: WorkError): void };

/** Makes requests from a page of a browser, with what is signed in there. The browser is started anew when it ends. */
export async function startBrowserPerformer(options: BrowserPerformerOptions): Promise<Performer> {
  const { headers: own } = options;
  const target = options.target ?? options.origin;
  const running = new Map<number, Running>();
  let lastId = 0;

  async function onPiece(piece: PagePiece): Promise<void> {
    const at = running.get(piece.id);
    // Cancelled meanwhile, or made up by the page's own scripts.
    if (!at) throw new Error("nobody waits for this");
    if (piece.kind === "head") at.answer.head(piece.status, answerHeaders(piece.headers));
    else await at.answer.data(Buffer.from(piece.bytes, "base64"));
  }

  const browser = await startBrowser(options, onPiece, () => {
    for (const one of running.values()) one.fail(new WorkError("internal", "the browser ended; it is started again"));
  });

  async function readyPage(): Promise<ReadyPage> {
    try {
      return await browser.page();
    } catch (error) {
      throw new WorkError("unreachable", `the page cannot be opened: ${(error as Error).message.split("\n")[0]}`);
    }
  }

  function check(outcome: PageOutcome): void {
    if (outcome === "too-slow") throw new WorkError("refused", tooSlow);
    if (outcome === "redirected") throw new WorkError("signed_out", signedOut);
    if (outcome === "cancelled") throw new WorkError("cancelled", "cancelled");
    if (typeof outcome === "object")
      throw new WorkError("unreachable", `the page could not make the request (${outcome.failed})`);
  }

  return {
    async perform({ method, path, headers, body, signal }, answer) {
      const address = addressAt(target, path);
      const { page, binding } = await readyPage();
      if (!(await browser.isSignedIn()))
        throw new WorkError("signed_out", "nobody is signed in in the worker's browser; run it with --sign-in");
      const id = ++lastId;
      const given = { ...Object.fromEntries(Object.entries(headers).filter(([name]) => !forbidden.has(name))), ...own };
      const cancel = () => void page.evaluate(cancelInPage, { binding, id }).catch(() => {});
      signal.throwIfAborted();
      signal.addEventListener("abort", cancel);
      try {
        const failed = new Promise<never>((_resolve, reject) => running.set(id, { answer, fail: reject }));
        const request = {
          binding,
          id,
          url: address.href,
          method,
          headers: given,
          body: body.toString("base64"),
          mostAhead,
        };
        const asked = page.evaluate(fetchInPage, request).catch(() => {
          throw new WorkError("internal", "the page went away in the middle of a request; it is opened again");
        });
        check(await Promise.race([asked, failed]));
      } finally {
        signal.removeEventListener("abort", cancel);
        running.delete(id);
      }
    },
    close: () => browser.close(),
  };
}
