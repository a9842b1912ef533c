import { unwatchFile, watchFile } from "node:fs";
import type { Server } from "node:http";
import { flushCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import { createKey } from "@trunkline/admin";
import { ensureAdminPassword } from "../admin-password.ts";
import { discover, withDiscovered, type Discovered } from "../config/discover.ts";
import type { Environment } from "../config/environment.ts";
import { homeOf, prepareHome, type Home } from "../config/home.ts";
import { ConfigError, loadConfig } from "../config/load-config.ts";
import type { Config } from "../config/schema.ts";
import { openGateway, type Gateway } from "../gateway.ts";
import { createHttpServer } from "../http/server.ts";
import { createLog } from "../observe/log.ts";
import { version } from "../version.ts";
import { clearRunState, findRunning, urlHost, writeRunState } from "./run-state.ts";

export type Started = {
  readonly address: string;
  readonly gateway: Gateway;
  readonly home: Home;
  readonly found: readonly Discovered[];
  /** Shown once: made at this start. */
  readonly firstKey: string | undefined;
  readonly adminPassword: string | undefined;
  stop(): Promise<void>;
};

/** What a start failed on, in words for the person at the terminal. */
export class StartError extends Error {}

/**
 * Milliseconds between two looks at the configuration file. Looking is cheaper than being told: a watch on its folder, which editors that
 * replace the file would need, also hears of every write to the database beside it.
 */
const lookMs = 1000;

/** Starts a gateway in this process. Throws ConfigError or StartError. */
export async function serve(environment: Environment, options: { readonly terminal: boolean }): Promise<Started> {
  const home = homeOf(environment);
  prepareHome(home);
  const written = loadConfig(home.configFile, environment);
  const running = await findRunning(home);
  if (running)
    throw new StartError(
      `Trunkline is running already at http://${urlHost(running.host)}:${running.port} (process ${running.pid}). Stop it with \`npx trunkline stop\`.`,
    );
  const found = await discover(written, environment);
  const complete = (config: Config) => withDiscovered(config, found);
  const config = complete(written);
  const {
    log,
    exchange,
    close: closeLog,
    reopen,
  } = createLog({ level: config.log.level, file: home.logFile, terminal: options.terminal });
  const gateway = await openGateway({ config, home, environment, log, logExchange: exchange });
  const adminPassword = await ensureAdminPassword(gateway.store, environment["TRUNKLINE_ADMIN_PASSWORD"]);
  const needsKey = !environment["TRUNKLINE_CLIENTS"] && (await gateway.store.keys.count()) === 0;
  const firstKey = needsKey ? (await createKey(gateway.store.keys, { name: "first" }, Date.now())).secret : undefined;
  const server = createHttpServer(gateway);
  const port = await listen(server, config.server.host, config.server.port).catch(async (error: unknown) => {
    await gateway.stop(0);
    throw error;
  });
  writeRunState(home, { pid: process.pid, host: config.server.host, port, startedAt: Date.now(), version });
  for (const { name, reason } of gateway.current.failures)
    log.warn(`the provider '${name}' is not available: ${reason}`);
  if (!isLoopback(config.server.host))
    log.warn(
      `listening on ${config.server.host}: everyone who reaches this machine reaches the gateway; put TLS in front of it`,
    );
  log.info({ port, version }, "started");
  settleMemory();

  const reload = () => reloadConfig(home, environment, gateway, complete);
  watchFile(home.configFile, { interval: lookMs, persistent: false }, (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) reload();
  });
  const onHangUp = () => {
    reopen();
    reload();
  };
  process.on("SIGHUP", onHangUp);

  let stopping: Promise<void> | undefined;
  return {
    address: `http://${urlHost(config.server.host)}:${port}`,
    gateway,
    home,
    found: config.discover ? found.filter(({ name }) => !Object.hasOwn(written.providers, name)) : [],
    firstKey,
    adminPassword,
    stop() {
      stopping ??= (async () => {
        unwatchFile(home.configFile);
        process.off("SIGHUP", onHangUp);
        // The port stays open while running requests end: whoever comes now is told so instead of being refused.
        await gateway.stop(gateway.current.config.server.drain_seconds * 1000);
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
        clearRunState(home, process.pid);
        log.info("stopped");
        await closeLog();
      })();
      return stopping;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reasons: Readonly<Record<string, string>> = {
        EADDRINUSE: `Port ${port} on ${host} is taken by another program. Set TRUNKLINE_PORT (or server.port) to a free one.`,
        EACCES: `Port ${port} needs rights this user does not have. Set TRUNKLINE_PORT (or server.port) to one above 1023.`,
        EADDRNOTAVAIL: `${host} is not an address of this machine. Correct server.host.`,
      };
      reject(new StartError(reasons[error.code ?? ""] ?? `Could not listen on ${host}:${port}: ${error.message}`));
    });
    server.listen({ port, host, backlog: 1024 }, () => resolve((server.address() as { port: number }).port));
  });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** From here on the young generation grows as it is used; what was compiled is kept for the next start, however this process ends. */
function settleMemory(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
  flushCompileCache();
}

/** A good file replaces the configuration in force; a bad one is reported and changes nothing. */
function reloadConfig(
  home: Home,
  environment: Environment,
  gateway: Gateway,
  complete: (config: Config) => Config,
): void {
  let next: Config;
  try {
    next = complete(loadConfig(home.configFile, environment));
  } catch (error) {
    gateway.log.error(
      `the configuration has mistakes and was not taken; the last good one stays in force\n${error instanceof ConfigError ? error.message : String(error)}`,
    );
    return;
  }
  gateway.reload(next).then(
    () => gateway.log.info("the configuration was read again"),
    (error: unknown) => gateway.log.error({ err: error }, "the new configuration could not be put in force"),
  );
}
