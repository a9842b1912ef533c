import { unwatchFile, watchFile } from "node:fs";
import { createLimiter, createRequestWindows } from "@trunkline/policies";
import { openStore } from "@trunkline/store";
import type { Environment } from "../../config/environment.ts";
import { secretBoxOf } from "../../config/home.ts";
import { createBudgetLedger } from "../../limits/budget-ledger.ts";
import { loadConfig } from "../../config/load-config.ts";
import { createServices } from "../../services.ts";
import { createLog } from "../../observe/log.ts";
import { schedulePruning } from "../../prune.ts";
import { version } from "../../version.ts";
import { clearRunState, urlHost, writeRunState } from "../run-state.ts";
import type { Started } from "../serve.ts";
import { ensureAlone, makeSecrets, setUp, StartError } from "../setup.ts";
import { createCrew } from "./crew.ts";

/**
 * Starts worker processes that share one port. This process answers no requests: it writes the ledger for all of them, keeps the count of
 * what limits count, and replaces workers. Throws ConfigError or StartError.
 */
export async function servePrimary(
  environment: Environment,
  options: { readonly terminal: boolean; readonly workers: number },
): Promise<Started> {
  const setup = await setUp(environment);
  const { home, config } = setup;
  await ensureAlone(home);
  const {
    log,
    close: closeLog,
    reopen,
  } = createLog({ level: config.log.level, file: home.logFile, terminal: options.terminal });
  const store = await openStore({
    location: config.database ?? home.databaseFile,
    secretBox: secretBoxOf(home),
    now: Date.now,
  });
  const secrets = await makeSecrets(store, environment);
  store.neverWait();
  const limits = createRequestWindows();
  const budgets = createBudgetLedger(store, log);
  const limiter = createLimiter(budgets);
  const services = createServices({ home, environment, log });
  const crew = createCrew({
    size: options.workers,
    environment: environment as NodeJS.ProcessEnv,
    log,
    drainMs: config.server.drain_seconds * 1000,
    giveBack: limits.giveBack,
    limiter,
    answers: {
      append: (rows) => store.appendRows(rows),
      lease: ({ keyId, limit, want, now }) => limits.lease(keyId, limit, want, now),
      enter: (question) => limiter.enter(question),
      limitReport: (now) => limiter.report(now),
      service: ({ name, waitMs }) => services.addressOf(name).whenUp(waitMs),
      services: () => services.report(),
      restartService: (name) => services.restart(name),
    },
  });
  const pruning = schedulePruning(store, () => config, log);
  const close = async () => {
    pruning.stop();
    limiter.close();
    budgets.stop();
    await store.close();
    await closeLog();
  };
  const { port, failures } = await crew.start().catch(async (error: unknown) => {
    await crew.stop();
    await close();
    throw new StartError(error instanceof Error ? error.message : String(error));
  });
  writeRunState(home, {
    pid: process.pid,
    host: config.server.host,
    port,
    startedAt: Date.now(),
    version,
    workers: options.workers,
  });
  log.info({ port, version, workers: options.workers }, "started");
  const address = `http://${urlHost(config.server.host)}:${port}`;
  services.configure(config);
  services.begin(address);
  /** The workers tell of a file with mistakes. */
  const reconfigure = () => {
    try {
      services.configure(setup.complete(loadConfig(home.configFile, environment)));
    } catch {
      // The last good one stays in force.
    }
  };
  watchFile(home.configFile, { interval: 1000, persistent: false }, reconfigure);
  const onHangUp = () => {
    reopen();
    reconfigure();
    crew.hangUp();
  };
  process.on("SIGHUP", onHangUp);
  const onRoll = () =>
    void crew.roll().catch((error: unknown) => log.error({ err: error }, "the workers could not all be replaced"));
  process.on("SIGUSR2", onRoll);
  return {
    ...setup,
    ...secrets,
    address,
    failures,
    async stop() {
      process.off("SIGHUP", onHangUp);
      process.off("SIGUSR2", onRoll);
      unwatchFile(home.configFile);
      await crew.stop();
      await services.stop();
      clearRunState(home, process.pid);
      log.info("stopped");
      await close();
    },
  };
}
