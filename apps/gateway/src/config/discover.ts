import { connect } from "node:net";
import { presetNames, presetOf } from "@trunkline/providers";
import type { Environment } from "./environment.ts";
import type { Config, HttpProviderConfig } from "./schema.ts";

export type Discovered = { readonly name: string; readonly config: HttpProviderConfig; readonly why: string };

/** Milliseconds a port on this machine gets to answer. */
const probeMs = 300;

function answers(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const end = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(probeMs, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
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
      const { hostname, port, host } = new URL(preset.baseUrl);
      return (await answers(Number(port), hostname))
        ? [{ name, config: { enabled: true, preset: name }, why: host }]
        : [];
    }),
  );
  return found.flat();
}

/** The configuration with what was found, behind what was configured. A configured name, even a disabled one, is never replaced. */
export function withDiscovered(config: Config, found: readonly Discovered[]): Config {
  const taken = new Set(Object.keys(config.providers));
  const added = found
    .filter(({ name }) => !taken.has(name))
    .map(({ name, config: provider }) => [name, provider] as const);
  return { ...config, providers: { ...config.providers, ...Object.fromEntries(added) } };
}
