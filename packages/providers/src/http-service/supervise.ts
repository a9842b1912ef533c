import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { forgetChild, markOf, rememberChild } from "../shared/reap.ts";
import { createServiceLog } from "./service-log.ts";

/** A process that is kept running. Times are milliseconds. */
export type ServiceSpec = {
  readonly name: string;
  /** `{port}` in an argument is replaced. */
  readonly command: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where it is to listen, also told as PORT; `auto` finds a free one at every start, undefined when it listens nowhere. */
  readonly port: number | "auto" | undefined;
  /** Without it, running is being well. */
  readonly health:
    | {
        readonly path: string;
        readonly intervalMs: number;
        readonly timeoutMs: number;
        /** It must have answered once within this time of its start. */
        readonly startMs: number;
        /** Failures in a row. */
        readonly maxFailures: number;
      }
    | undefined;
  readonly restart: {
    readonly policy: "always" | "on-failure" | "never";
    readonly firstWaitMs: number;
    readonly longestWaitMs: number;
    /** After so long without a failure the next wait is the first again. */
    readonly calmMs: number;
  };
  readonly log: { readonly file: string; readonly maxBytes: number; readonly floodBytesPerMinute: number };
  /** Between TERM and KILL. */
  readonly stopMs: number;
  readonly childrenFolder: string;
};

export type ServiceState = "starting" | "up" | "waiting" | "stopped";

export type ServiceReport = {
  readonly name: string;
  readonly state: ServiceState;
  readonly pid: number | null;
  readonly port: number | null;
  /** Since it was first started here. */
  readonly restarts: number;
  /** When the state began. */
  readonly since: number;
  /** What the last restart, or the end, was for. */
  readonly problem: string | null;
  /** When it is started again. */
  readonly until: number | null;
  readonly logFile: string;
  readonly logDropped: number;
};

export type Supervised = {
  readonly spec: ServiceSpec;
  report(): ServiceReport;
  /** Its port as soon as it is up; undefined when it is not within the time. */
  whenUp(waitMs: number): Promise<number | undefined>;
  readonly port: number | undefined;
  restart(): void;
  stop(): Promise<void>;
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a process and keeps it running: what ends, hangs, floods its log or never listens is ended and started again, later each time. */
export function supervise(spec: ServiceSpec, onEvent: (message: string, isBad: boolean) => void): Supervised {
  const log = createServiceLog(spec.log.file, spec.log.maxBytes, Date.now);
  let state: ServiceState = "starting";
  let since = Date.now();
  let problem: string | null = null;
  let until: number | null = null;
  let restarts = 0;
  let waitMs = spec.restart.firstWaitMs;
  let port: number | undefined;
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;
  /** Why the running child is being ended by us. */
  let ending: string | undefined;
  let gone: Promise<void> = Promise.resolve();
  const waiting = new Set<(port: number | undefined) => void>();

  function become(next: ServiceState): void {
    if (state === next) return;
    state = next;
    since = Date.now();
    if (next !== "up" && next !== "stopped") return;
    for (const tell of waiting) tell(next === "up" ? port : undefined);
  }

  function signal(name: "SIGTERM" | "SIGKILL"): void {
    try {
      process.kill(-child!.pid!, name);
    } catch {
      // Nothing of the group is left.
    }
  }

  /** Ends what runs; what happens then is decided when it has ended. */
  function end(reason: string): void {
    if (!child || ending !== undefined) return;
    ending = reason;
    clearTimeout(timer);
    signal("SIGTERM");
    const kill = setTimeout(() => signal("SIGKILL"), spec.stopMs);
    child.once("exit", () => clearTimeout(kill));
  }

  /** Undefined when there is something in it no system can start, such as a zero byte. */
  function run(command: string, args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> | undefined {
    try {
      return spawn(command, [...args], {
        cwd: spec.folder,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...spec.environment,
          ...(port === undefined ? {} : { PORT: String(port) }),
          TRUNKLINE_CHILD: markOf(process.pid),
        },
      });
    } catch (error) {
      afterEnd(`it could not be started: ${(error as Error).message}`, true);
      return undefined;
    }
  }

  async function start(): Promise<void> {
    become("starting");
    until = null;
    ending = undefined;
    try {
      port = spec.port === "auto" ? await freePort() : spec.port;
    } catch (error) {
      return afterEnd(`no port could be had: ${(error as Error).message}`, true);
    }
    if (isStopping) return;
    const [command, ...args] = spec.command.map((part) => part.replaceAll("{port}", String(port ?? "")));
    const started = run(command!, args);
    if (!started) return;
    child = started;
    const { pid } = started;
    if (pid !== undefined) rememberChild(spec.childrenFolder, pid, "");
    log.renew();
    log.note(`started: ${command} (process ${pid ?? "none"}${port === undefined ? "" : `, port ${port}`})`);
    const onOutput = (bytes: Buffer) => {
      log.write(bytes);
      if (log.perMinute > spec.log.floodBytesPerMinute)
        end(
          `it flooded its log with more than ${Math.round(spec.log.floodBytesPerMinute / 1024 / 1024)} MiB in a minute`,
        );
    };
    started.stdout.on("data", onOutput);
    started.stderr.on("data", onOutput);
    gone = new Promise((resolve) => {
      const finish = (reason: string, isFailure: boolean) => {
        if (child !== started) return;
        // Whatever it started and left behind goes with it.
        signal("SIGKILL");
        started.stdout.destroy();
        started.stderr.destroy();
        child = undefined;
        if (pid !== undefined) forgetChild(spec.childrenFolder, pid);
        resolve();
        afterEnd(ending ?? reason, isFailure || ending !== undefined);
      };
      started.once("error", (error: NodeJS.ErrnoException) =>
        finish(
          error.code === "ENOENT"
            ? `'${command}' is not there, or its folder is not`
            : `it could not be started: ${error.message}`,
          true,
        ),
      );
      started.once("exit", (code, name) => finish(`it ended with ${name ?? `code ${code}`}`, code !== 0));
    });
    if (!spec.health) return become("up");
    check(started, Date.now(), 0);
  }

  function check(of: ChildProcess, startedAt: number, failures: number): void {
    const { path, intervalMs, timeoutMs, startMs, maxFailures } = spec.health!;
    const again = (ms: number, count: number) => {
      timer = setTimeout(() => check(of, startedAt, count), ms);
    };
    fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(timeoutMs), redirect: "manual" })
      .then(async (answer) => {
        await answer.body?.cancel();
        if (answer.status >= 400) throw new Error(`it answered ${answer.status}`);
      })
      .then(
        () => {
          if (child !== of || ending !== undefined) return;
          if (state !== "up") onEvent(`the service '${spec.name}' is up`, false);
          become("up");
          if (Date.now() - startedAt > spec.restart.calmMs) waitMs = spec.restart.firstWaitMs;
          again(intervalMs, 0);
        },
        () => {
          if (child !== of || ending !== undefined) return;
          if (state === "starting") {
            if (Date.now() - startedAt >= startMs)
              return end(`it did not answer at port ${port}${path} within ${startMs / 1000} s of its start`);
            return again(Math.min(intervalMs, 250), 0);
          }
          if (failures + 1 >= maxFailures) return end(`it did not answer at ${path} ${maxFailures} times in a row`);
          again(intervalMs, failures + 1);
        },
      );
  }

  function afterEnd(reason: string, isFailure: boolean): void {
    clearTimeout(timer);
    log.note(reason);
    port = undefined;
    if (isStopping) return become("stopped");
    problem = reason;
    const { policy, longestWaitMs, calmMs, firstWaitMs } = spec.restart;
    if (policy === "never" || (policy === "on-failure" && !isFailure)) {
      onEvent(`the service '${spec.name}' has ended: ${reason}`, isFailure);
      return become("stopped");
    }
    if (!spec.health && Date.now() - since > calmMs) waitMs = firstWaitMs;
    become("waiting");
    until = Date.now() + waitMs;
    restarts++;
    onEvent(`the service '${spec.name}' is started again in ${waitMs / 1000} s: ${reason}`, true);
    timer = setTimeout(() => void start(), waitMs);
    waitMs = Math.min(longestWaitMs, waitMs * 2);
  }

  void start();

  return {
    spec,
    get port() {
      return state === "up" ? port : undefined;
    },
    report: () => ({
      name: spec.name,
      state,
      pid: child?.pid ?? null,
      port: port ?? null,
      restarts,
      since,
      problem,
      until,
      logFile: spec.log.file,
      logDropped: log.dropped,
    }),
    whenUp(patienceMs) {
      if (state === "up") return Promise.resolve(port);
      if (state === "stopped") return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const tell = (at: number | undefined) => {
          clearTimeout(patience);
          waiting.delete(tell);
          resolve(at);
        };
        const patience = setTimeout(() => tell(undefined), patienceMs).unref();
        waiting.add(tell);
      });
    },
    restart() {
      waitMs = spec.restart.firstWaitMs;
      if (child) return end("the operator asked for it");
      clearTimeout(timer);
      void start();
    },
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      end("the gateway stops it");
      await gone;
      become("stopped");
      await log.close();
    },
  };
}
