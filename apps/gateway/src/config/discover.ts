import { isObject } from "@trunkline/contracts";
import { driverNames, presetNames, presetOf } from "@trunkline/providers";
import type { Environment } from "./environment.ts";
import { providersWithAccounts } from "./accounts.ts";
import type { Home } from "./home.ts";
import { plainCliProvider, type Config, type ProviderConfig } from "./schema.ts";

export type Discovered = { readonly name: string; readonly config: ProviderConfig; readonly why: string };

/** Milliseconds a server on this machine gets to answer. */
const probeMs = 1000;

/** Only a server that lists models counts: other programs listen on these ports too. */
async function listsModels(baseUrl: string): Promise<boolean> {
  try {
    const answer = await fetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(probeMs), redirect: "error" });
    const body: unknown = await answer.json();
    return answer.ok && isObject(body) && Array.isArray(body["data"]);
  } catch {
    return false;
  }
}

/** Vendors whose API key is in the environment, in the presets' order. */
export function discoverKeys(environment: Environment): Discovered[] {
  return presetNames.flatMap((name) => {
    const preset = presetOf(name);
    if (preset.local || preset.baseUrl === undefined) return [];
    const variable = preset.keyVariables.find((candidate) => environment[candidate]?.trim());
    return variable === undefined
      ? []
      : [{ name, config: { enabled: true, preset: name, api_key: environment[variable]!.trim() }, why: variable }];
  });
}

/** Model servers that listen on this machine. */
export async function discoverLocal(): Promise<Discovered[]> {
  const found = await Promise.all(
    presetNames.map(async (name): Promise<Discovered[]> => {
      const preset = presetOf(name);
      if (!preset.local || preset.baseUrl === undefined) return [];
      return (await listsModels(preset.baseUrl))
        ? [{ name, config: { enabled: true, preset: name }, why: new URL(preset.baseUrl).host }]
        : [];
    }),
  );
  return found.flat();
}

/** Vendors' programs for which an account was added. */
export function discoverAccounts(home: Home): Discovered[] {
  return providersWithAccounts(home)
    .filter((provider) => driverNames.some((driver) => driver === provider))
    .map((name) => ({ name, config: plainCliProvider(), why: `an account in ${home.accountsFolder}` }));
}

/** Everything there is to find; this machine is only asked when the configuration wants it. */
export async function discover(config: Config, environment: Environment, home: Home): Promise<Discovered[]> {
  return [...discoverAccounts(home), ...discoverKeys(environment), ...(config.discover ? await discoverLocal() : [])];
}

/** The configuration with what was found, if it wants that, behind what was configured. A configured name, even a disabled one, is never replaced. */
export function withDiscovered(config: Config, found: readonly Discovered[]): Config {
  if (!config.discover) return config;
  const taken = new Set(Object.keys(config.providers));
  const added = found
    .filter(({ name }) => !taken.has(name))
    .map(({ name, config: provider }) => [name, provider] as const);
  return { ...config, providers: { ...config.providers, ...Object.fromEntries(added) } };
}
