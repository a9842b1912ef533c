import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "../config/home.ts";

/** What a running gateway leaves for `status`, `stop` and a second `start` to find. */
export type RunState = {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly startedAt: number;
  readonly version: string;
  /** Worker processes; 0 when the one process does all. */
  readonly workers: number;
};

function fileOf(home: Home): string {
  return join(home.runFolder, "gateway.json");
}

export function writeRunState(home: Home, state: RunState): void {
  writeFileSync(fileOf(home), JSON.stringify(state), { mode: 0o600 });
}

/** Removes the file if it is still this process's. */
export function clearRunState(home: Home, pid: number): void {
  if (readFile(home)?.pid === pid) rmSync(fileOf(home), { force: true });
}

function readFile(home: Home): RunState | undefined {
  if (!existsSync(fileOf(home))) return undefined;
  try {
    return JSON.parse(readFileSync(fileOf(home), "utf8")) as RunState;
  } catch {
    return undefined;
  }
}

/** The running gateway of this home folder: its file, its process, and its answer at that address must all be there. */
export async function findRunning(home: Home): Promise<RunState | undefined> {
  const state = readFile(home);
  if (!state || !isAlive(state.pid)) return undefined;
  try {
    // A process id is given out again after a while: only an answer proves it is a gateway.
    const answer = await fetch(`http://${urlHost(state.host)}:${state.port}/health`, {
      signal: AbortSignal.timeout(2000),
    });
    const body = (await answer.json()) as { version?: string };
    return body.version === undefined && answer.status !== 503 ? undefined : state;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** An address to reach a listening host at, as it stands in a URL. */
export function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
