import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import cluster from "node:cluster";
import { entry, oneHeap } from "../../process/entry.ts";
import { serve } from "../../process/serve.ts";
import { servePrimary } from "../../process/workers/serve-primary.ts";
import { serveWorker } from "../../process/workers/serve-worker.ts";
import { findRunning, urlHost } from "../../process/run-state.ts";
import { banner } from "../banner.ts";
import { CommandError, exitCodes, type CommandContext } from "../context.ts";

/** Tries and the milliseconds between them to see a daemon come up, and a stopped one go. */
const tries = 300;
const betweenMs = 100;

export type StartOptions = { readonly daemon?: boolean; readonly workers?: string };

export async function start(context: CommandContext, options: StartOptions): Promise<number> {
  if (cluster.isWorker) {
    await serveWorker(context.environment);
    return exitCodes.ok;
  }
  const workers = workersOf(options.workers);
  if (options.daemon) return startDaemon(context, workers);
  const started = workers
    ? await servePrimary(context.environment, { terminal: true, workers })
    : await serve(context.environment, { terminal: true });
  context.print(
    {
      address: started.address,
      pid: process.pid,
      key: started.firstKey ?? null,
      adminPassword: started.adminPassword ?? null,
    },
    () => banner(started),
  );
  await new Promise<void>((resolve) => {
    let asked = 0;
    const stop = () => {
      // The second Ctrl-C does not wait for running requests.
      if (++asked > 1) process.exit(exitCodes.failed);
      started.stop().then(resolve, (error: unknown) => {
        console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
        process.exit(exitCodes.failed);
      });
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
  return exitCodes.ok;
}

/** Undefined without the option: one process does all. Throws CommandError. */
function workersOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const count = given === "auto" ? availableParallelism() : Number(given);
  if (Number.isInteger(count) && count >= 1 && count <= 256) return count;
  throw new CommandError("--workers takes a number from 1 to 256, or auto for one a processor.", exitCodes.usage);
}

/** A process of its own session whose first words come from its output file. */
async function startDaemon(context: CommandContext, workers: number | undefined): Promise<number> {
  const { home } = context;
  const running = await findRunning(home);
  if (running) throw new CommandError(`Trunkline is running already (process ${running.pid}).`);
  const outputFile = join(home.folder, "logs", "daemon.out");
  mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, "w", 0o600);
  const child = spawn(process.execPath, [entry, "start", ...(workers ? ["--workers", String(workers)] : [])], {
    detached: true,
    stdio: ["ignore", output, output],
    env: { ...oneHeap, ...context.environment } as NodeJS.ProcessEnv,
  });
  closeSync(output);
  let ended = false;
  child.once("exit", () => (ended = true));
  for (let attempt = 0; attempt < tries && !ended; attempt++) {
    const state = await findRunning(home);
    if (state && state.pid === child.pid) {
      child.unref();
      const said = readFileSync(outputFile, "utf8");
      // It may hold the first key and the admin's password.
      rmSync(outputFile);
      context.print(
        { address: `http://${urlHost(state.host)}:${state.port}`, pid: state.pid },
        () => `${said}\n  Running in the background as process ${state.pid}. Stop it with \`npx trunkline stop\`.`,
      );
      return exitCodes.ok;
    }
    await wait(betweenMs);
  }
  throw new CommandError(
    readFileSync(outputFile, "utf8").trim() || "The gateway did not start; see `npx trunkline logs`.",
  );
}

export async function stop(context: CommandContext): Promise<number> {
  const state = await findRunning(context.home);
  if (!state) throw new CommandError("Trunkline is not running.", exitCodes.notRunning);
  process.kill(state.pid, "SIGTERM");
  for (let attempt = 0; attempt < tries * 4; attempt++) {
    const now = await findRunning(context.home);
    if (!now || now.pid !== state.pid) {
      context.print({ stopped: true, pid: state.pid }, () => `Stopped (process ${state.pid}).`);
      return exitCodes.ok;
    }
    await wait(betweenMs);
  }
  throw new CommandError(`Process ${state.pid} is still finishing its requests.`);
}

export async function restart(context: CommandContext): Promise<number> {
  const state = await findRunning(context.home);
  if (state) await stop(context);
  return startDaemon(context, state?.workers || undefined);
}

/** Without a gap: workers are replaced one after the other; a single process reads its configuration again. */
export async function reload(context: CommandContext): Promise<number> {
  const state = await findRunning(context.home);
  if (!state) throw new CommandError("Trunkline is not running.", exitCodes.notRunning);
  process.kill(state.pid, state.workers > 0 ? "SIGUSR2" : "SIGHUP");
  context.print({ reloading: true, pid: state.pid, workers: state.workers }, () =>
    state.workers > 0
      ? `The ${state.workers} workers of process ${state.pid} are being replaced one after the other; see \`npx trunkline logs\`.`
      : `Process ${state.pid} reads its configuration again; see \`npx trunkline logs\`.`,
  );
  return exitCodes.ok;
}

export async function status(context: CommandContext): Promise<number> {
  const state = await findRunning(context.home);
  if (!state) {
    context.print({ running: false }, () => "Trunkline is not running. Start it with `npx trunkline start`.");
    return exitCodes.notRunning;
  }
  const address = `http://${urlHost(state.host)}:${state.port}`;
  const seconds = Math.round((Date.now() - state.startedAt) / 1000);
  context.print(
    {
      running: true,
      address,
      pid: state.pid,
      version: state.version,
      uptimeSeconds: seconds,
      workers: state.workers,
    },
    () => `Running at ${address} (process ${state.pid}, version ${state.version}) for ${seconds} s.`,
  );
  return exitCodes.ok;
}
