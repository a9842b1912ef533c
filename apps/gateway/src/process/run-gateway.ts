import { unwatchFile, watchFile } from "node:fs";
import type { Server } from "node:http";
import { flushCompileCache } from "node:module";
import { Server as NetServer } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Logger } from "pino";
import { ConfigError, loadConfig } from "../config/load-config.ts";
import { openGateway } from "../gateway.ts";
import type { Gateway, SharedParts } from "../gateway-types.ts";
import { createHttpServer } from "../http/server.ts";
import type { Config } from "../config/schema.ts";
import { createLog } from "../observe/log.ts";
import type { ServiceDirectory } from "../services.ts";
import { version } from "../version.ts";
import { StartError, type Setup } from "./setup.ts";

/** A gateway that answers. */
export type RunningGateway = {
  readonly port: number;
  readonly gateway: Gateway;
  /** Ends it: requests that run may end, whoever comes now is told that it stops. */
  stop(): Promise<void>;
  /** Ends it once what runs has ended, and takes no new connections: another process does. */
  retire(): Promise<void>;
};

export type RunOptions = {
  /** Show warnings and errors on standard error too. */
  readonly terminal: boolean;
  /** Processes that are kept running, by this process or another. */
  readonly services: (log: Logger) => ServiceDirectory;
  /** Called with every configuration that is put in force. */
  readonly onConfig?: (config: Config) => void;
  /** What this process shares with others; absent when it is the only one. */
  readonly shared?: SharedParts;
  /** Done before the port is opened. */
  readonly beforeListening?: (gateway: Gateway) => Promise<void>;
};

/**
 * Milliseconds between two looks at the configuration file. Looking is cheaper than being told: a watch on its folder, which editors that
 * replace the file would need, also hears of every write to the database beside it.
 */
const lookMs = 1000;

/** Opens the gateway and its port in this process. Throws StartError. */
export async function runGateway(setup: Setup, options: RunOptions): Promise<RunningGateway> {
  const { home, environment, config } = setup;
  const {
    log,
    exchange,
    close: closeLog,
    reopen,
  } = createLog({ level: config.log.level, file: home.logFile, terminal: options.terminal });
  const gateway = await openGateway({
    config,
    home,
    environment,
    log,
    logExchange: exchange,
    services: options.services(log),
    ...(options.shared ? { shared: options.shared } : {}),
  });
  await options.beforeListening?.(gateway);
  gateway.store.neverWait();
  const server = createHttpServer(gateway);
  const port = await listen(server, config.server.host, config.server.port).catch(async (error: unknown) => {
    await gateway.stop(0);
    throw error;
  });
  for (const { name, reason } of gateway.current.failures)
    log.warn(`the provider '${name}' is not available: ${reason}`);
  if (!isLoopback(config.server.host))
    log.warn(
      `listening on ${config.server.host}: everyone who reaches this machine reaches the gateway; put TLS in front of it`,
    );
  log.info({ port, version }, "started");
  settleMemory();

  options.onConfig?.(config);
  const reload = () => void reloadConfig(setup, gateway, options.onConfig);
  watchFile(home.configFile, { interval: lookMs, persistent: false }, (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) reload();
  });
  const onHangUp = () => {
    reopen();
    reload();
  };
  // A rotated root: what is sealed from now on is sealed under it.
  watchFile(home.secretFile, { interval: lookMs, persistent: false }, (now, before) => {
    if (now.ino !== before.ino && now.ino !== 0) gateway.secretBox.reload();
  });
  process.on("SIGHUP", onHangUp);
  const drainMs = () => gateway.current.config.server.drain_seconds * 1000;

  async function finish(): Promise<void> {
    unwatchFile(home.configFile);
    unwatchFile(home.secretFile);
    process.off("SIGHUP", onHangUp);
    await gateway.stop(drainMs());
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    log.info("stopped");
    await closeLog();
  }

  let ending: Promise<void> | undefined;
  return {
    port,
    gateway,
    // The port stays open while running requests end: whoever comes now is told so instead of being refused.
    stop: () => (ending ??= finish()),
    retire() {
      ending ??= (async () => {
        await gateway.retire(drainMs(), closeGently(server));
        await finish();
      })();
      return ending;
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

/** Milliseconds a connection nobody has asked anything on yet, or again, gets before it is closed. */
const graceMs = 1000;

/**
 * Takes no new connections and resolves when those it has are closed. Not the HTTP server's own `close`: that cuts off at once whoever has
 * connected and not yet asked.
 */
function closeGently(server: Server): Promise<unknown> {
  const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
  setTimeout(() => server.closeIdleConnections(), graceMs).unref();
  return closed;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/**
 * What starting has left behind goes back to the system: nothing else would collect it in a gateway nobody asks anything. From here on the
 * young generation grows as it is used; what was compiled is kept for the next start, however this process ends.
 */
function settleMemory(): void {
  setFlagsFromString("--expose-gc");
  // The one kind that gives emptied pages back at once.
  (runInNewContext("gc") as (options: object) => void)({ type: "major", execution: "sync", flavor: "last-resort" });
  setFlagsFromString("--semi-space-growth-factor=2");
  flushCompileCache();
}

/** A good file replaces the configuration in force; a bad one is reported and changes nothing. */
async function reloadConfig(
  { home, environment, complete }: Setup,
  gateway: Gateway,
  onConfig: ((config: Config) => void) | undefined,
): Promise<void> {
  let next;
  try {
    next = complete(loadConfig(home.configFile, environment));
  } catch (error) {
    gateway.log.error(
      `the configuration has mistakes and was not taken; the last good one stays in force\n${error instanceof ConfigError ? error.message : String(error)}`,
    );
    return;
  }
  try {
    await gateway.reload(next);
    onConfig?.(next);
    gateway.log.info("the configuration was read again");
  } catch (error) {
    gateway.log.error({ err: error }, "the new configuration could not be put in force");
  }
}
