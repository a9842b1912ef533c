import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { GatewayError } from "@trunkline/contracts";
import { forgetChild, markOf, rememberChild } from "../../shared/reap.ts";
import { createLineReader } from "./read-lines.ts";

export type ChildSpec = {
  readonly command: string;
  readonly args: readonly string[];
  /** All the child gets to see, beside what this module adds for its scratch folders. */
  readonly environment: Readonly<Record<string, string>>;
  /** More of it that names the scratch folder, and files put there before the start. */
  readonly prepare?: (scratch: string) => Readonly<Record<string, string>>;
  /** The folder it works in; a new and empty one when absent. */
  readonly folder?: string;
  /** Where running children are written down for the next start to find. */
  readonly childrenFolder: string;
  readonly limits?: Partial<ChildLimits>;
  readonly onLine: (line: string) => void;
  /** Once, after the last line; never when `stop` was called before. */
  readonly onEnd: (end: ChildEnd) => void;
};

export type ChildLimits = {
  /** Longest line of output, in characters. */
  readonly line: number;
  /** Output between two calls of `renew`, in bytes. */
  readonly total: number;
  /** Kept end of standard error, in bytes. */
  readonly stderr: number;
  /** Milliseconds between TERM and KILL. */
  readonly grace: number;
};

export const defaultLimits: ChildLimits = {
  line: 16 * 1024 * 1024,
  total: 64 * 1024 * 1024,
  stderr: 1024 * 1024,
  grace: 5000,
};

export type ChildEnd = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** Why it could not be started or was ended by us. */
  readonly error: GatewayError | undefined;
};

export type Child = {
  readonly pid: number | undefined;
  /** The empty folder it works in. */
  readonly folder: string;
  /** A folder of its own for files it is handed. */
  readonly scratch: string;
  write(text: string): void;
  endInput(): void;
  /** The output's allowance begins anew: a new turn. */
  renew(): void;
  pause(): void;
  resume(): void;
  /** TERM to the whole group, KILL after the grace time. Resolves when nothing of it is left. */
  stop(): Promise<void>;
  /** Resolves when the process has ended and its folders are gone. */
  readonly gone: Promise<void>;
};

/** Starts a vendor's program in a process group and an empty folder of its own. Never throws: what goes wrong comes to `onEnd`. */
export function spawnChild(spec: ChildSpec): Child {
  const limits = { ...defaultLimits, ...spec.limits };
  // Under the system's temporary folder, because its path is told to models: it must name neither a user nor a project.
  const base = mkdtempSync(join(tmpdir(), "trunkline-"));
  const folder = spec.folder ?? join(base, "work");
  const scratch = join(base, "tmp");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(scratch);

  let stopped = false;
  let ended = false;
  let failure: GatewayError | undefined;
  let written = 0;
  let stderr = "";
  let killTimer: NodeJS.Timeout | undefined;

  const child = spawn(spec.command, [...spec.args], {
    cwd: folder,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...spec.environment, ...spec.prepare?.(scratch), TMPDIR: scratch, TRUNKLINE_CHILD: markOf(process.pid) },
  });
  const { pid } = child;
  if (pid !== undefined) rememberChild(spec.childrenFolder, pid, base);

  function signal(name: "SIGTERM" | "SIGKILL"): void {
    if (pid === undefined) return;
    try {
      process.kill(-pid, name);
    } catch {
      // Nothing of the group is left.
    }
  }

  function breakOff(error: GatewayError): void {
    failure ??= error;
    void stop();
  }

  function stop(): Promise<void> {
    if (!stopped && !ended) {
      stopped = true;
      signal("SIGTERM");
      killTimer = setTimeout(() => signal("SIGKILL"), limits.grace);
    }
    return gone;
  }

  const lines = createLineReader(
    (line) => {
      if (!stopped) spec.onLine(line);
    },
    { line: limits.line, onTooLong: () => breakOff(tooLarge("line", limits.line)) },
  );
  child.stdout.on("data", (chunk: Buffer) => {
    written += chunk.length;
    if (written > limits.total) breakOff(tooLarge("answer", limits.total));
    else if (!stopped) lines.push(chunk);
  });
  const decoder = new StringDecoder("utf8");
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += decoder.write(chunk);
    if (stderr.length > limits.stderr) stderr = stderr.slice(-limits.stderr);
  });
  // A program that ends without reading its input breaks the pipe; its end tells why.
  child.stdin.on("error", () => {});

  const gone = new Promise<void>((resolve) => {
    function finish(code: number | null, name: string | null, error: GatewayError | undefined): void {
      if (ended) return;
      ended = true;
      clearTimeout(killTimer);
      // Whatever the program itself started and left behind goes with it.
      signal("SIGKILL");
      rmSync(base, { recursive: true, force: true, maxRetries: 3 });
      if (pid !== undefined) forgetChild(spec.childrenFolder, pid);
      resolve();
      if (stopped && !failure) return;
      if (!stopped) lines.end();
      spec.onEnd({ code, signal: name, stderr, error: failure ?? error });
    }
    child.once("error", (error: NodeJS.ErrnoException) => finish(null, null, notStarted(spec.command, error)));
    child.once("exit", (code, name) => {
      // A grandchild may hold the pipes open for ever: they get a moment to be read out, then they are closed.
      const closing = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 1000);
      if (stopped) signal("SIGKILL");
      child.once("close", () => {
        clearTimeout(closing);
        finish(code, name, undefined);
      });
    });
  });

  return {
    pid,
    folder,
    scratch,
    gone,
    write(text) {
      if (!stopped && !ended) child.stdin.write(text);
    },
    endInput() {
      if (!ended) child.stdin.end();
    },
    renew() {
      written = 0;
    },
    pause: () => child.stdout.pause(),
    resume: () => child.stdout.resume(),
    stop,
  };
}

function tooLarge(what: string, limit: number): GatewayError {
  return new GatewayError(
    "output_too_large",
    `The program's ${what} is larger than ${Math.round(limit / 1024 / 1024)} MiB; it was stopped.`,
  );
}

function notStarted(command: string, error: NodeJS.ErrnoException): GatewayError {
  const program = command.split("/").at(-1);
  const reason =
    error.code === "ENOENT"
      ? "is not installed or not on the gateway's PATH"
      : error.code === "EACCES"
        ? "may not be run by the gateway's user"
        : `could not be started (${error.code ?? "unknown reason"})`;
  return new GatewayError("program_missing", `The program '${program}' ${reason}.`, { cause: error });
}
