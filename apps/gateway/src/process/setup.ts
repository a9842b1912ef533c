import { createKey } from "@trunkline/admin";
import type { Store } from "@trunkline/store";
import { ensureAdmin } from "../desk/first-admin.ts";
import { discover, withDiscovered, type Discovered } from "../config/discover.ts";
import type { Environment } from "../config/environment.ts";
import { homeOf, prepareHome, type Home } from "../config/home.ts";
import { loadConfig } from "../config/load-config.ts";
import type { Config } from "../config/schema.ts";
import { findRunning, urlHost } from "./run-state.ts";

/** What a start failed on, in words for the person at the terminal. */
export class StartError extends Error {}

/** What is known before anything runs. */
export type Setup = {
  readonly home: Home;
  readonly environment: Environment;
  readonly config: Config;
  /** What was found on this machine and is not in the file. */
  readonly found: readonly Discovered[];
  /** Adds what was found to a configuration as it is written. */
  complete(written: Config): Config;
};

/** Reads the configuration and looks around. Throws ConfigError. */
export async function setUp(environment: Environment): Promise<Setup> {
  const home = homeOf(environment);
  prepareHome(home);
  const written = loadConfig(home.configFile, environment);
  const found = await discover(written, environment, home);
  const complete = (config: Config) => withDiscovered(config, found);
  return {
    home,
    environment,
    config: complete(written),
    found: written.discover ? found.filter(({ name }) => !Object.hasOwn(written.providers, name)) : [],
    complete,
  };
}

/** Throws StartError when this home's gateway runs already. */
export async function ensureAlone(home: Home): Promise<void> {
  const running = await findRunning(home);
  if (running)
    throw new StartError(
      `Trunkline is running already at http://${urlHost(running.host)}:${running.port} (process ${running.pid}). Stop it with \`npx trunkline stop\`.`,
    );
}

/** Shown once: made at this start. */
export type FirstSecrets = { readonly firstKey: string | undefined; readonly adminPassword: string | undefined };

/** Makes what a first start has to: the admin's password, and a key where there is none. */
export async function makeSecrets(store: Store, environment: Environment): Promise<FirstSecrets> {
  const adminPassword = await ensureAdmin(store, environment["TRUNKLINE_ADMIN_PASSWORD"]);
  const needsKey = !environment["TRUNKLINE_CLIENTS"] && (await store.keys.count()) === 0;
  const firstKey = needsKey ? (await createKey(store.keys, { name: "first" }, Date.now())).secret : undefined;
  return { firstKey, adminPassword };
}
