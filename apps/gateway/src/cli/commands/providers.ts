import { toGatewayError } from "@trunkline/contracts";
import { createCatalogue, namedRoutes } from "@trunkline/exchange";
import { createGuardedFetch, type Provider } from "@trunkline/providers";
import { compileConfigRoutes } from "../../compile-config-routes.ts";
import { discover, withDiscovered } from "../../config/discover.ts";
import { loadConfig } from "../../config/load-config.ts";
import type { Config } from "../../config/schema.ts";
import { createProviders, listedModelNames, type CreatedProviders } from "../../create-providers.ts";
import { listedModels } from "../../http/list-models.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";

/** Milliseconds a provider gets to list its models. */
const testMs = 10_000;

export async function withProviders<T>(
  context: CommandContext,
  use: (
    created: CreatedProviders,
    aliases: Record<string, string>,
    listed: Record<string, readonly string[]>,
  ) => Promise<T>,
): Promise<T> {
  const { environment, home } = context;
  const written = loadConfig(home.configFile, environment);
  const config = withDiscovered(written, await discover(written, environment, home));
  return withProvidersOf(context, config, (created) => use(created, config.aliases, listedModelNames(config)));
}

/** The providers of a configuration, made for a command and closed behind it. */
export async function withProvidersOf<T>(
  context: CommandContext,
  config: Config,
  use: (created: CreatedProviders) => Promise<T>,
): Promise<T> {
  const { environment, home } = context;
  const guardedFetch = createGuardedFetch({ maxBytes: 1, timeoutMs: 1, allow: [] });
  return withStore(context, async (store) => {
    const created = await createProviders({
      config,
      home,
      environment,
      guardedFetch,
      kept: store,
      warn: console.error,
    });
    try {
      return await use(created);
    } finally {
      await Promise.allSettled([...created.providers.map((provider) => provider.close()), guardedFetch.close()]);
    }
  });
}

export async function listProviders(context: CommandContext): Promise<number> {
  return withProviders(context, async ({ providers, failures }) => {
    const value = [
      ...providers.map(({ name, kind, family, capabilities }) => ({ name, kind, family, capabilities })),
      ...failures.map(({ name, reason }) => ({ name, kind: "unavailable", reason })),
    ];
    const rows = [
      ...providers.map(({ name, kind, family }) => [name, kind, family]),
      ...failures.map(({ name, reason }) => [name, "unavailable", reason]),
    ];
    context.print(value, () => table(["NAME", "KIND", "FAMILY"], rows));
    return exitCodes.ok;
  });
}

export type ProviderCheck = {
  readonly name: string;
  readonly ok: boolean;
  readonly models: number;
  readonly ms: number;
  readonly problem: string | null;
};

/** Asks for the model list, which costs no tokens. */
export async function checkProvider(provider: Provider): Promise<ProviderCheck> {
  const from = performance.now();
  const ms = () => Math.round(performance.now() - from);
  try {
    const models = await provider.listModels(AbortSignal.timeout(testMs));
    return { name: provider.name, ok: true, models: models.length, ms: ms(), problem: null };
  } catch (error) {
    return { name: provider.name, ok: false, models: 0, ms: ms(), problem: toGatewayError(error).message };
  }
}

export async function testProviders(context: CommandContext, only: string | undefined): Promise<number> {
  return withProviders(context, async ({ providers, failures }) => {
    const chosen = providers.filter((provider) => only === undefined || provider.name === only);
    if (only !== undefined && chosen.length === 0 && !failures.some(({ name }) => name === only)) {
      throw new CommandError(
        `There is no provider '${only}'. Configured: ${providers.map(({ name }) => name).join(", ")}.`,
      );
    }
    const broken = failures
      .filter(({ name }) => only === undefined || name === only)
      .map(({ name, reason }) => ({ name, ok: false, models: 0, ms: 0, problem: reason }));
    const checks = [...(await Promise.all(chosen.map(checkProvider))), ...broken];
    context.print(checks, () =>
      table(
        ["NAME", "STATE", "MODELS", "MS", "PROBLEM"],
        checks.map((check) => [
          check.name,
          check.ok ? "ok" : "failed",
          String(check.models),
          String(check.ms),
          check.problem ?? "",
        ]),
      ),
    );
    return checks.every((check) => check.ok) ? exitCodes.ok : exitCodes.failed;
  });
}

export async function listModelsCommand(context: CommandContext): Promise<number> {
  return withProviders(context, async ({ providers }, aliases, listed) => {
    const problems: string[] = [];
    const catalogue = createCatalogue({
      providers,
      aliases,
      listed,
      keepMs: 60_000,
      now: Date.now,
      onError: (name, error) => problems.push(`${name}: ${toGatewayError(error).message}`),
    });
    const config = loadConfig(context.home.configFile, context.environment);
    const { routes } = await compileConfigRoutes(config, providers);
    const models = await listedModels(catalogue, namedRoutes(routes, providers));
    context.print(
      models.map(({ id, model }) => ({ id, provider: model.provider.name, model: model.id })),
      () =>
        table(
          ["MODEL", "PROVIDER"],
          models.map(({ id, model }) => [id, model.provider.name]),
        ),
    );
    for (const problem of problems) console.error(`warning: ${problem}`);
    return exitCodes.ok;
  });
}
