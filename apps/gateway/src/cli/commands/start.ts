import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { serve } from "../../process/serve.ts";
import { findRunning, urlHost } from "../../process/run-state.ts";
import { banner } from "../banner.ts";
import { CommandError, exitCodes, type CommandContext } from "../context.ts";

const entry = fileURLToPath(new URL("../../../bin/trunkline.mjs", import.meta.url));
/** Tries and the milliseconds between them to see a daemon come up, and a stopped one go. */
const tries = 300;
const betweenMs = 100;

export async function start(context: CommandContext, options: { readonly daemon?: boolean }): Promise<number> {
  if (options.daemon) return startDaemon(context);
  const started = await serve(context.environment, { terminal: true });
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

/** A process of its own session whose first words come from its output file. */
async function startDaemon(context: CommandContext): Promise<number> {
  const { home } = context;
  const running = await findRunning(home);
  if (running) throw new CommandError(`Trunkline is running already (process ${running.pid}).`);
  const outputFile = join(home.folder, "logs", "daemon.out");
  mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, "w", 0o600);
  const child = spawn(process.execPath, [entry, "start"], {
    detached: true,
    stdio: ["ignore", output, output],
    env: context.environment as NodeJS.ProcessEnv,
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
  if (await findRunning(context.home)) await stop(context);
  return startDaemon(context);
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
    { running: true, address, pid: state.pid, version: state.version, uptimeSeconds: seconds },
    () => `Running at ${address} (process ${state.pid}, version ${state.version}) for ${seconds} s.`,
  );
  return exitCodes.ok;
}
