import { usageOf, type ExchangeRecord } from "@trunkline/contracts";
import {
  createCatalogue,
  createPlanner,
  type ExchangeRuntime,
  type RouteProblem,
  type Target,
} from "@trunkline/exchange";
import { createPriceBook, type Price } from "@trunkline/ledger";
import {
  compileGlob,
  createLimits,
  createRetryBudget,
  type Limiter,
  type Policy,
  type ResponseCache,
} from "@trunkline/policies";
import { createGuardedFetch, type GuardedFetch, type Provider } from "@trunkline/providers";
import type { Store } from "@trunkline/store";
import type { Logger } from "pino";
import type { Environment } from "./config/environment.ts";
import type { Home } from "./config/home.ts";
import type { Config } from "./config/schema.ts";
import { createProviders, listedModelNames, type ProviderFailure } from "./create-providers.ts";
import { compileConfigRoutes } from "./compile-config-routes.ts";
import { createRedactions, type FoundInAnswer } from "./redactions.ts";
import { createSubjects } from "./limits/subjects.ts";
import { countTokens } from "./observe/count-tokens.ts";
import type { Targets } from "./targets.ts";
import type { ServiceDirectory } from "./services.ts";
import type { Workers } from "./workers.ts";

/** Everything that depends on the configuration, made anew when it changes. */
export type Composition = {
  readonly config: Config;
  readonly exchange: ExchangeRuntime;
  readonly providers: readonly Provider[];
  /** Configured providers that could not be made, with the reason. */
  readonly failures: readonly ProviderFailure[];
  /** Routes, or targets of them, that cannot be used, with the reason. */
  readonly routeProblems: readonly RouteProblem[];
  /** Bytes. */
  readonly bodyLimit: number;
  price(record: ExchangeRecord): number | null;
  /** USD per million tokens a model of a provider costs; null when not known, or not yet: prices are loaded first. */
  tariff(provider: string, model: string): ShownTariff | null;
  loadPrices(): Promise<void> | undefined;
  close(): Promise<void>;
};

export type ShownTariff = {
  readonly input: number | null;
  readonly output: number | null;
  readonly cache_read: number | null;
  /** The operator's own. */
  readonly own: boolean;
};

export type ComposeOptions = {
  readonly config: Config;
  readonly home: Home;
  readonly environment: Environment;
  readonly store: Store;
  readonly log: Logger;
  /** In the order they run. */
  readonly policies: readonly Policy[];
  readonly targets: Targets;
  /** Those that connect to this process; absent where none can. */
  readonly workers: Workers | undefined;
  readonly services: ServiceDirectory | undefined;
  readonly cache: ResponseCache | undefined;
  /** Counts what is limited; absent where nothing is asked. */
  readonly limiter: Limiter | undefined;
  readonly record: (record: ExchangeRecord) => void;
  readonly onFinished: ExchangeRuntime["onFinished"];
  /** A credential was found in an answer. */
  readonly onSecret: (found: FoundInAnswer) => void;
};

/** Compositions made so far: ids of what they hold differ. */
let compositions = 0;

/** Milliseconds a provider's model list is kept. */
const modelListMs = 10 * 60_000;

export async function compose(options: ComposeOptions): Promise<Composition> {
  const { config, log } = options;
  const guardedFetch: GuardedFetch = createGuardedFetch({
    maxBytes: config.media.max_mb * 1024 * 1024,
    timeoutMs: config.media.timeout_seconds * 1000,
    allow: config.media.allow_addresses,
  });
  const { providers, failures, sources } = await createProviders({
    config,
    home: options.home,
    environment: options.environment,
    guardedFetch,
    kept: options.store,
    ...(options.workers ? { workers: options.workers } : {}),
    ...(options.services ? { services: options.services } : {}),
    warn: (message) => log.warn(message),
  });
  const ownPrices = config.prices.map(({ provider, model, ...price }) => ({
    provider,
    matches: compileGlob(model),
    tariff: { input_mtok: price.input, output_mtok: price.output, ...optionalPrices(price) },
  }));
  const prices = createPriceBook(ownPrices);
  const redaction = await createRedactions(config, (found) => options.onSecret(found));
  const catalogue = createCatalogue({
    providers,
    aliases: config.aliases,
    listed: listedModelNames(config),
    keepMs: modelListMs,
    now: Date.now,
    onError: (provider, error) =>
      log.warn({ err: error, provider }, `the provider '${provider}' did not list its models`),
  });
  const { routes, problems } = await compileConfigRoutes(config, providers);
  const { health, loads, rotation } = options.targets;
  const price = ({ provider, model }: Target, tokens: { input: number; output: number }) => {
    const usage = usageOf({ inputTokens: tokens.input, outputTokens: tokens.output });
    const source = sources.get(provider.name) ?? provider.name;
    if (prices.load() !== undefined) return undefined;
    const question = { provider: provider.name, source, model, at: Date.now(), usage, serviceTier: null };
    return prices.cost(question) ?? undefined;
  };
  const limits =
    options.limiter &&
    createLimits({
      limiter: options.limiter,
      hasTargets: config.limits.some(({ provider, model }) => provider !== undefined || model !== undefined),
      subjectsOf: createSubjects(config.limits),
      beforePricing: prices.load,
      onError: (error) => log.error({ err: error }, "budgets cannot be kept; requests they hold for are refused"),
      prefix: `${process.pid}-${++compositions}-`,
    });
  const planner = createPlanner({
    catalogue,
    routes,
    autoModels: config.auto_models,
    health,
    loads,
    rotation,
    overLimit: ({ provider, model }, now) => limits?.look(provider.name, model, now),
    price,
    beforePricing: prices.load,
  });
  options.targets.configure(config);
  return {
    config,
    providers,
    failures,
    routeProblems: problems,
    bodyLimit: Math.floor(config.server.body_limit_mb * 1024 * 1024),
    loadPrices: prices.load,
    tariff(provider, model) {
      if (prices.load() !== undefined) return null;
      const source = sources.get(provider) ?? provider;
      const found = prices.tariffFor({ provider, source, model, at: Date.now() });
      if (!found) return null;
      const base = (value: Price | undefined) => (typeof value === "object" ? value.base : (value ?? null));
      const own = ownPrices.some((price) => price.provider === provider && price.matches(model));
      return {
        input: base(found.input_mtok),
        output: base(found.output_mtok),
        cache_read: base(found.cache_read_mtok),
        own,
      };
    },
    price({ provider, model, startedAt, usage, serviceTier }) {
      if (!usage) return null;
      return prices.cost({
        provider,
        source: sources.get(provider) ?? provider,
        model,
        at: startedAt,
        usage,
        serviceTier,
      });
    },
    exchange: {
      catalogue,
      policies: options.policies,
      ledger: { record: options.record },
      responses: options.store.responses,
      storeByDefault: config.responses.store,
      heartbeatMs: config.server.heartbeat_seconds * 1000,
      planner,
      health,
      loads,
      cache: options.cache,
      limits,
      price,
      retries: {
        retries: config.retries.attempts,
        firstWaitMs: config.retries.first_wait_seconds * 1000,
        longestWaitMs: config.retries.longest_wait_seconds * 1000,
      },
      retryBudget: createRetryBudget(config.retries.budget_percent / 100),
      countTokens,
      redaction,
      now: Date.now,
      onFinished: options.onFinished,
    },
    async close() {
      limits?.close();
      await Promise.allSettled([...providers.map((provider) => provider.close()), guardedFetch.close()]);
    },
  };
}

function optionalPrices(price: {
  cache_read?: number | undefined;
  cache_write?: number | undefined;
  cache_write_1h?: number | undefined;
}): Record<string, number> {
  const tariff: Record<string, number> = {};
  if (price.cache_read !== undefined) tariff["cache_read_mtok"] = price.cache_read;
  if (price.cache_write !== undefined) tariff["cache_write_mtok"] = price.cache_write;
  if (price.cache_write_1h !== undefined) tariff["cache_write_1h_mtok"] = price.cache_write_1h;
  return tariff;
}
