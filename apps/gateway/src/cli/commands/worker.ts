import { hostname } from "node:os";
import type { Performer } from "@trunkline/workers/worker";
import { findRunning, urlHost } from "../../process/run-state.ts";
import { version } from "../../version.ts";
import { CommandError, exitCodes, type CommandContext } from "../context.ts";

export type WorkerOptions = {
  readonly gateway?: string;
  readonly capacity: string;
  readonly header?: string[];
};
export type FetchOptions = WorkerOptions & { readonly target: string };
export type BrowserOptions = WorkerOptions & {
  readonly origin: string;
  readonly profile: string;
  readonly target?: string;
  readonly signIn?: boolean;
  readonly signedInCookie?: string;
  readonly browser?: string;
  readonly visible?: boolean;
};

function addressOption(name: string, text: string): URL {
  const address = URL.parse(text);
  if (!address || !/^https?:$/.test(address.protocol))
    throw new CommandError(`${name} takes an http or https address, not '${text}'.`, exitCodes.usage);
  return address;
}

export function headersOption(lines: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([\w-]+)\s*[:=]\s*(.*)$/.exec(line) ?? [];
      if (name === undefined) throw new CommandError(`--header takes 'name: value', not '${line}'.`, exitCodes.usage);
      return [name.toLowerCase(), value!];
    }),
  );
}

/** Serves the gateway with what makes the requests, until the process is told to end. */
async function work(
  context: CommandContext,
  kind: string,
  options: WorkerOptions,
  performer: Performer,
): Promise<number> {
  const { runWorker, WorkerRefused } = await import("@trunkline/workers/worker");
  const token = context.environment["TRUNKLINE_WORKER_TOKEN"];
  if (!token)
    throw new CommandError(
      "Set TRUNKLINE_WORKER_TOKEN to the token that `trunkline workers add NAME` printed at the gateway.",
      exitCodes.usage,
    );
  const capacity = Number(options.capacity);
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1000)
    throw new CommandError(`--capacity takes a number from 1 to 1000, not '${options.capacity}'.`, exitCodes.usage);
  const running = options.gateway === undefined ? await findRunning(context.home) : undefined;
  const gateway = options.gateway ?? (running && `http://${urlHost(running.host)}:${running.port}`);
  if (gateway === undefined)
    throw new CommandError("No gateway runs here: name its address with --gateway http://host:8317.", exitCodes.usage);
  const ending = new AbortController();
  const end = () => ending.abort();
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  try {
    await runWorker({
      gateway: addressOption("--gateway", gateway).href,
      token,
      performer,
      capacity,
      agent: `trunkline-worker/${version} ${kind} at ${hostname()}`,
      signal: ending.signal,
      onEvent(event) {
        if (event.type === "connected") console.error(`connected to ${gateway}${event.resumed ? " again" : ""}`);
        else
          console.error(`lost the gateway (${event.reason}); trying again in ${(event.againInMs / 1000).toFixed(1)} s`);
      },
    });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof WorkerRefused) throw new CommandError(error.message);
    throw error;
  } finally {
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
    await performer.close();
  }
}

export async function fetchWorker(context: CommandContext, options: FetchOptions): Promise<number> {
  const { createFetchPerformer } = await import("@trunkline/workers/worker");
  const target = addressOption("--target", options.target);
  return work(context, "fetch", options, createFetchPerformer({ target, headers: headersOption(options.header) }));
}

export async function browserWorker(context: CommandContext, options: BrowserOptions): Promise<number> {
  const { startBrowserPerformer, BrowserMissing } = await import("@trunkline/workers/browser");
  const performer = await startBrowserPerformer({
    origin: addressOption("--origin", options.origin),
    ...(options.target === undefined ? {} : { target: addressOption("--target", options.target) }),
    profile: options.profile,
    headers: headersOption(options.header),
    signIn: options.signIn === true,
    ...(options.signedInCookie === undefined ? {} : { signedInCookie: options.signedInCookie }),
    ...(options.browser === undefined ? {} : { browser: options.browser }),
    isVisible: options.visible === true,
    environment: context.environment,
    onEvent: (text) => console.error(text),
  }).catch((error: unknown) => {
    if (error instanceof BrowserMissing) throw new CommandError(error.message);
    throw error;
  });
  return work(context, "browser", options, performer);
}
