import type { IncomingHttpHeaders } from "node:http";
import { isObject, type ExchangeRecord, type Key } from "@trunkline/contracts";
import { createWriter } from "@trunkline/ledger";
import { createAuthenticate, createLimiter, createRequestWindows, killSwitch, rateLimit } from "@trunkline/policies";
import { reapChildren } from "@trunkline/providers";
import { openStore } from "@trunkline/store";
import { startAlerts } from "./alerts/alerts.ts";
import { createAnswerCache } from "./answer-cache.ts";
import { compose, type Composition } from "./compose.ts";
import { secretBoxOf } from "./config/home.ts";
import type { Config } from "./config/schema.ts";
import { readConfigText } from "./config/write-config.ts";
import type { Gateway, GatewayOptions } from "./gateway-types.ts";
import { createContentKeeper } from "./http/content-keeper.ts";
import { secretOf } from "./http/credentials.ts";
import { readHealth } from "./health.ts";
import { createKeyFinder, parseClients } from "./key-finder.ts";
import { createKillSwitches, environmentSwitches, readWishes } from "./kill-switches.ts";
import { startJobs } from "./jobs/jobs.ts";
import { createBudgetLedger } from "./limits/budget-ledger.ts";
import { nearestToTheirEnd, shownLimits } from "./limits/shown.ts";
import { partsOf } from "./observe/parts.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createTelemetry } from "./observe/telemetry/telemetry.ts";
import { schedulePruning } from "./prune.ts";
import { createDesk } from "./desk/desk.ts";
import { isBasic } from "./desk/who.ts";
import { providerNamed } from "./provider-named.ts";
import { createProbes } from "./probes.ts";
import { createSignIns } from "./sign-in/sign-ins.ts";
import { createTargets } from "./targets.ts";
import { createWorkers } from "./workers.ts";

/** Milliseconds: a row waits this long for company, so that it is on disk well within 100 ms of its answer. */
const ledgerWaitMs = 25;
/** About 100 MB of rows at the most, while the database does not take them. */
const mostQueued = 100_000;
/** A tenth of a second apart. */
const lastLedgerTries = 50;
const rememberKeysMs = 1000;
/** Milliseconds clients of a process that is replaced get for what they were about to ask. */
const lastRequestsMs = 2000;

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { home, environment, log, shared, services } = options;
  const processes = Number(environment["TRUNKLINE_WORKER_COUNT"] ?? 1);
  const wishes = readWishes(environment);
  const startedAt = Date.now();
  const reaped = reapChildren(home.childrenFolder);
  if (reaped > 0) log.warn(`ended ${reaped} programs that an earlier gateway left running`);
  const secretBox = secretBoxOf(home);
  const store = await openStore({
    location: options.config.database ?? home.databaseFile,
    secretBox,
    now: Date.now,
  });
  const desk = createDesk(store, secretBox);
  const keys = createKeyFinder(store.keys, parseClients(environment["TRUNKLINE_CLIENTS"]));
  const authenticate = createAuthenticate({
    keys,
    rememberMs: rememberKeysMs,
  });
  const killSwitches = createKillSwitches({
    read: () => store.killSwitches.active(),
    fixed: () => environmentSwitches(wishes, providerNames(), startedAt).switches,
    now: () => performance.now(),
    onError: (error) => log.error({ err: error }, "the kill switches cannot be read; those last known stay in force"),
  });
  const policies = [authenticate.policy, killSwitch(killSwitches), rateLimit(shared?.limits ?? createRequestWindows())];
  let active = 0;
  let draining = false;
  let retiring = false;
  let idle: (() => void) | undefined;
  let current: Composition;

  // Several processes have one that counts for all of them.
  const budgets = shared ? undefined : createBudgetLedger(store, log);
  const limiter = shared?.limiter ?? createLimiter(budgets!);
  const answerCache = createAnswerCache();
  const targets = createTargets(options.config);
  const workers = createWorkers(store, secretBox, processes, log);

  const metrics = createMetrics({
    queued: () => writer.queued,
    lagMs: () => Math.max(0, Date.now() - (writer.oldestAt ?? Date.now())),
    dropped: () => writer.dropped,
    active: () => active,
    queues: () =>
      (current?.providers ?? []).flatMap((provider) =>
        provider.queue ? [{ provider: provider.name, ...provider.queue() }] : [],
      ),
    resting() {
      const now = Date.now();
      return targets.health.resting(now).map(({ provider, model, kind: state, code, until }) => {
        return { provider, model: model ?? "", state, code, seconds: Math.max(0, until - now) / 1000 };
      });
    },
    limits: async () => nearestToTheirEnd(await limiter.report(Date.now()).catch(() => [])),
    killed: killSwitches.known,
    ...partsOf({ store, providers: () => current?.providers ?? [], workers, services }),
  });
  const telemetry = await createTelemetry(
    options.config.telemetry,
    environment,
    log,
    (name) => current?.providers.find((provider) => provider.name === name)?.family ?? "",
  );
  const writer = createWriter({
    async append(exchanges) {
      await (shared ? (shared.append(exchanges) ?? store.appendMissing(exchanges)) : store.appendExchanges(exchanges));
      telemetry?.finished(exchanges);
    },
    price(record) {
      const worth = current.price(record);
      if (worth !== null) metrics.cost(record, worth);
      return worth;
    },
    beforePricing: () => current.loadPrices(),
    waitMs: ledgerWaitMs,
    lastTries: lastLedgerTries,
    mostQueued,
    onError: (error, queued) => log.error({ err: error, queued }, "the ledger cannot be written; rows wait in memory"),
    onDropped: (total) => {
      if (total % 1000 === 1)
        log.error({ total }, "the ledger cannot be written and its queue is full; the oldest rows are given up");
    },
  });

  const contentKeeper = createContentKeeper(store.contents, log);

  function onFinished(record: ExchangeRecord, cause: unknown): void {
    metrics.finished(record);
    contentKeeper.finished(record);
    if (record.errorCode === "internal_error") log.error({ requestId: record.id, err: cause }, "an exchange failed");
    options.logExchange(record);
  }

  const make = (config: Config) =>
    compose({
      config,
      home,
      environment,
      store,
      log,
      policies,
      targets,
      workers,
      services,
      cache: answerCache(config),
      limiter,
      record: writer.record,
      onFinished,
      onSecret({ provider, requestId, kind, action }) {
        metrics.secretFound(provider, kind, action);
        log.warn(
          { provider, requestId, kind },
          action === "on" ? "a credential was taken out of an answer" : "an answer holds a credential",
        );
      },
    });
  current = await make(options.config);
  const providerNames = () => [...current.providers, ...current.failures].map(({ name }) => name);
  for (const variable of environmentSwitches(wishes, providerNames(), startedAt).unknown)
    log.warn(`${variable} names no provider there is: ${providerNames().join(", ")}`);

  const probes = createProbes({
    targets,
    providers: () => current.providers,
    everyMs: () => current.config.health.probe_seconds * 1000,
  });
  const signIns = createSignIns(store, (name) => providerNamed(current, name));
  const jobs = options.config.jobs.enabled
    ? startJobs({
        store,
        current: () => current,
        keyById: keys.byId,
        processes,
        log,
      })
    : undefined;
  const alerts = startAlerts({
    store,
    targets,
    log,
    now: Date.now,
    folder: home.folder,
    providers: () => current.providers,
    limits: () => limiter.report(Date.now()),
    settings() {
      const { check_seconds: check, timeout_seconds: timeout, attempts } = current.config.alerts;
      return { checkMs: check * 1000, timeoutMs: timeout * 1000, attempts };
    },
  });
  const pruning = shared ? undefined : schedulePruning(store, () => current.config, log);

  async function authorize(headers: IncomingHttpHeaders, query: URLSearchParams | undefined): Promise<Key> {
    return authenticate.keyOf(secretOf(headers, query), Date.now());
  }

  return {
    get current() {
      return current;
    },
    store,
    secretBox,
    home,
    environment,
    log,
    metrics,
    contentKeeper,
    get draining() {
      return draining;
    },
    get retiring() {
      return retiring;
    },
    metricsText: () => shared?.metricsText() ?? metrics.text(),
    async retire(drainMs, closed) {
      retiring = true;
      // Whoever is connected still may ask once more.
      setTimeout(() => workers.loaded?.retire(), lastRequestsMs).unref();
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, drainMs).unref())]);
    },
    begin(response) {
      if (draining) return false;
      active++;
      response.once("close", () => {
        active--;
        if (active === 0) idle?.();
      });
      return true;
    },
    authorize,
    async authorizeReader(asking) {
      const { headers } = asking;
      if (isBasic(headers) || desk.isToken(headers)) await desk.who(asking);
      else await authorize(headers, undefined);
    },
    desk,
    alerts,
    telemetry,
    flush: writer.flush,
    targets,
    probes,
    writtenProviders() {
      const { providers } = readConfigText(home.configFile).values;
      return isObject(providers) ? providers : {};
    },
    signIns,
    workers,
    services,
    jobs,
    killSwitches: async () => killSwitches.active(),
    limits: async () => shownLimits(await limiter.report(Date.now())),
    async health() {
      return readHealth({
        store,
        current,
        targets,
        probes,
        services,
        killSwitches: await killSwitches.active(),
        limits: shownLimits(await limiter.report(Date.now()).catch(() => [])),
        ledger: { queued: writer.queued, dropped: writer.dropped },
        active,
      });
    },
    async reload(config) {
      const next = await make(config);
      const old = current;
      current = next;
      // Requests that run keep the connections they have; undici closes a pool once the last has ended.
      void old.close();
    },
    async stop(drainMs) {
      draining = true;
      pruning?.stop();
      await alerts.stop();
      signIns.stop();
      probes.stop();
      budgets?.stop();
      limiter.close();
      const jobsEnded = jobs?.stop(drainMs);
      if (active > 0) {
        const drained = new Promise<void>((resolve) => (idle = resolve));
        await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, drainMs).unref())]);
      }
      await jobsEnded;
      await Promise.all(current.providers.map((provider) => provider.abandon?.()));
      const lost = await writer.close();
      if (lost > 0) log.error({ lost }, "the ledger could not be written before the gateway stopped");
      await telemetry?.stop();
      await current.close();
      await workers.close();
      await store.close();
    },
  };
}
