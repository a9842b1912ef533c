import {
  createAiSdkProvider,
  createCustomProvider,
  createEchoProvider,
  createHttpProvider,
  createLlamaFileProvider,
  driverNames,
  loadCliProcess,
  presetNames,
  presetOf,
  type Driver,
  type GuardedFetch,
  type HttpProviderOptions,
  type PresetName,
  type Provider,
} from "@trunkline/providers";
import type { Store } from "@trunkline/store";
import { accountsOf } from "./config/accounts.ts";
import type { Environment } from "./config/environment.ts";
import type { Home } from "./config/home.ts";
import type {
  CliProviderConfig,
  Config,
  ExchangeProviderConfig,
  HttpProviderConfig,
  OAuthProviderConfig,
  ProviderConfig,
} from "./config/schema.ts";
import { serviceProviderFor } from "./create-service-provider.ts";
import { workerProviderFor } from "./create-worker-provider.ts";
import { apiOfOAuth, exchangeProviderFor, oauthProviderFor } from "./create-signed-provider.ts";
import type { ServiceDirectory } from "./services.ts";
import type { Workers } from "./workers.ts";

export type ProviderFailure = { readonly name: string; readonly reason: string };

export type CreateProvidersOptions = {
  readonly config: Config;
  readonly home: Home;
  readonly environment: Environment;
  readonly guardedFetch: GuardedFetch;
  /** What outlives the process of sessions and accounts. */
  readonly kept: Pick<Store, "sessions" | "accountStates" | "credentials">;
  /** Workers that are connected here; absent where none can be. */
  readonly workers?: Workers;
  /** Services that run beside this process; absent where none do. */
  readonly services?: ServiceDirectory;
  readonly warn: (message: string) => void;
};

export type CreatedProviders = {
  readonly providers: readonly Provider[];
  readonly failures: readonly ProviderFailure[];
  /** What the price list calls each provider's vendor. */
  readonly sources: ReadonlyMap<string, string>;
};

/** Every enabled provider, the built-in echo last. One that cannot be made never takes the others with it. */
export async function createProviders(options: CreateProvidersOptions): Promise<CreatedProviders> {
  const providers: Provider[] = [];
  const failures: ProviderFailure[] = [];
  const sources = new Map<string, string>([["trunkline", "trunkline"]]);
  for (const [name, entry] of Object.entries(options.config.providers)) {
    if (!entry.enabled) continue;
    try {
      const provider = await createProvider(name, entry, options);
      providers.push(provider);
      sources.set(name, sourceOf(provider, entry));
    } catch (error) {
      failures.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { providers: [...providers, createEchoProvider()], failures, sources };
}

/** Model names the operator listed, by provider. */
export function listedModelNames(config: Config): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(config.providers).map(([name, provider]) => [name, provider.models ?? []]));
}

function isHttp(entry: ProviderConfig): entry is HttpProviderConfig {
  return entry.kind === undefined || entry.kind === "http-api";
}

function sourceOf({ name, family }: Provider, entry: ProviderConfig): string {
  if (isHttp(entry) || entry.kind === "browser-worker" || entry.kind === "http-service") return presetFor(name, entry);
  if (entry.kind === "oauth-session" || entry.kind === "token-exchange") return apiPreset(name, entry);
  return entry.kind === "llama-file" ? "llama-file" : family;
}

/** Throws when neither the entry nor its name says which program it is. */
export async function driverFor(name: string, entry: CliProviderConfig): Promise<Driver> {
  const { drivers, createCommandDriver } = await loadCliProcess();
  const driver = entry.driver ?? driverNames.find((known) => known === name);
  if (driver === undefined) throw new Error(`say which program it is: driver: ${driverNames.join(" | ")} | command`);
  if (driver !== "command") return drivers[driver];
  const { program } = entry;
  if (!program || entry.command === undefined)
    throw new Error("driver: command needs `command`, the program's path, and `program`, what it takes and gives");
  return createCommandDriver(name, {
    ...program,
    events: program.events.map(({ input_tokens, output_tokens, cached_tokens, ...rule }) => ({
      ...rule,
      ...(input_tokens === undefined ? {} : { inputTokens: input_tokens }),
      ...(output_tokens === undefined ? {} : { outputTokens: output_tokens }),
      ...(cached_tokens === undefined ? {} : { cachedTokens: cached_tokens }),
    })),
  });
}

function presetFor(name: string, entry: { readonly preset?: PresetName | undefined }): PresetName {
  return entry.preset ?? presetNames.find((preset) => preset === name) ?? "openai-compatible";
}

function apiPreset(name: string, entry: OAuthProviderConfig | ExchangeProviderConfig): PresetName {
  return entry.preset ?? (entry.kind === "oauth-session" ? apiOfOAuth(entry) : undefined) ?? presetFor(name, entry);
}

/** What every provider that speaks HTTP is made with. */
export type ApiOptions = Pick<
  HttpProviderOptions,
  "name" | "preset" | "baseUrl" | "headers" | "dialects" | "timeouts" | "environment" | "guardedFetch"
>;

function apiOptions(
  name: string,
  entry: Pick<HttpProviderConfig, "base_url" | "headers" | "dialects" | "timeouts">,
  preset: PresetName,
  { environment, guardedFetch }: CreateProvidersOptions,
): ApiOptions {
  const { timeouts } = entry;
  return {
    name,
    preset,
    ...(entry.base_url === undefined ? {} : { baseUrl: entry.base_url }),
    ...(entry.headers === undefined ? {} : { headers: entry.headers }),
    ...(entry.dialects === undefined ? {} : { dialects: entry.dialects }),
    timeouts: {
      ...(timeouts?.connect_seconds === undefined ? {} : { connect: timeouts.connect_seconds * 1000 }),
      ...(timeouts?.first_byte_seconds === undefined ? {} : { firstByte: timeouts.first_byte_seconds * 1000 }),
      ...(timeouts?.idle_seconds === undefined ? {} : { idle: timeouts.idle_seconds * 1000 }),
      ...(timeouts?.total_seconds === undefined ? {} : { total: timeouts.total_seconds * 1000 }),
    },
    environment,
    guardedFetch,
  };
}

async function createProvider(name: string, entry: ProviderConfig, options: CreateProvidersOptions): Promise<Provider> {
  if (entry.kind === "ai-sdk") {
    const { factory, family = name } = entry;
    return createAiSdkProvider({
      name,
      packageName: entry.package,
      options: entry.options,
      family,
      modulesFolder: options.home.modulesFolder,
      ...(factory === undefined ? {} : { factory }),
    });
  }
  if (entry.kind === "llama-file") {
    return createLlamaFileProvider({
      name,
      path: entry.path,
      modulesFolder: options.home.modulesFolder,
      ...(entry.context_size === undefined ? {} : { contextSize: entry.context_size }),
      ...(entry.threads === undefined ? {} : { threads: entry.threads }),
    });
  }
  if (entry.kind === "custom") {
    const { path, options: given } = entry;
    return createCustomProvider({ name, path, folder: options.home.folder, options: given });
  }
  if (entry.kind === "cli-process") return cliProviderFor(name, entry, options);
  const { credentials } = options.kept;
  if (entry.kind === "oauth-session")
    return oauthProviderFor(entry, apiOptions(name, entry, apiPreset(name, entry), options), credentials);
  if (entry.kind === "token-exchange")
    return exchangeProviderFor(entry, apiOptions(name, entry, apiPreset(name, entry), options), credentials);
  const preset = presetFor(name, entry);
  if (entry.kind === "http-service")
    return serviceProviderFor(
      entry,
      apiOptions(name, { ...entry, base_url: undefined }, preset, options),
      options.services,
    );
  if (entry.kind === "browser-worker")
    return workerProviderFor(entry, apiOptions(name, entry, preset, options), options.workers);
  const apiKey =
    entry.api_key ??
    presetOf(preset)
      .keyVariables.map((variable) => options.environment[variable])
      .find(Boolean);
  return createHttpProvider({
    ...apiOptions(name, entry, preset, options),
    ...(apiKey === undefined ? {} : { apiKey }),
  });
}

async function cliProviderFor(
  name: string,
  entry: CliProviderConfig,
  options: CreateProvidersOptions,
): Promise<Provider> {
  const { home, environment, kept } = options;
  const { createCliProvider } = await loadCliProcess();
  // Several worker processes share what one may run.
  const workers = Number(environment["TRUNKLINE_WORKER_COUNT"] ?? 1);
  return createCliProvider({
    name,
    driver: await driverFor(name, entry),
    ...(entry.command === undefined ? {} : { command: entry.command }),
    accounts: accountsOf(home, name, entry),
    ...(entry.models === undefined ? {} : { models: entry.models }),
    concurrency: Math.max(1, Math.floor(entry.concurrency / workers)),
    queue: Math.ceil(entry.queue / workers),
    queueWaitMs: entry.queue_wait_seconds * 1000,
    timeoutMs: entry.timeout_seconds * 1000,
    warm: entry.warm,
    shared: workers > 1,
    keepMs: entry.keep_seconds * 1000,
    sessionTtlMs: entry.session_ttl_seconds * 1000,
    sessionMaxAgeMs: entry.session_max_age_seconds * 1000,
    ...(entry.fallback === undefined ? {} : { fallback: entry.fallback }),
    environment,
    childrenFolder: home.childrenFolder,
    sessions: kept.sessions,
    accountStates: kept.accountStates,
    guardedFetch: options.guardedFetch,
    now: Date.now,
    warn: (message) => options.warn(`the provider '${name}': ${message}`),
  });
}
