import { spawn } from "node:child_process";
import { childEnvironment, driverNames, loadCliProcess, type Account, type Driver } from "@trunkline/providers";
import { accountsOf, addAccount, providersWithAccounts, removeAccount } from "../../config/accounts.ts";
import { loadConfig } from "../../config/load-config.ts";
import { plainCliProvider, type CliProviderConfig, type Config } from "../../config/schema.ts";
import { driverFor } from "../../create-providers.ts";
import { readQuota } from "../../quota.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";
import { withProvidersOf } from "./providers.ts";

/** A configured provider of a vendor's program, or the program of that name with everything at its default. */
type Found = { readonly name: string; readonly entry: CliProviderConfig; readonly configured: boolean };

function findEntry(config: Config, name: string): Found {
  const entry = config.providers[name];
  if (entry?.kind === "cli-process") return { name, entry, configured: true };
  if (entry)
    throw new CommandError(`The provider '${name}' is no vendor's program (kind: cli-process): it has no accounts.`);
  if (driverNames.some((driver) => driver === name)) return { name, entry: plainCliProvider(), configured: false };
  throw new CommandError(
    `There is no provider '${name}'. Programs that need no configuration: ${driverNames.join(", ")}.`,
    exitCodes.usage,
  );
}

function readConfig({ home, environment }: CommandContext): Config {
  return loadConfig(home.configFile, environment);
}

/** Every provider of a vendor's program, configured or merely with an account. */
function cliProviders(context: CommandContext, config: Config): Found[] {
  const configured = Object.entries(config.providers).flatMap(([name, entry]) =>
    entry.kind === "cli-process" ? [{ name, entry, configured: true }] : [],
  );
  const added = providersWithAccounts(context.home)
    .filter((name) => !configured.some((entry) => entry.name === name))
    .filter((name) => driverNames.some((driver) => driver === name))
    .map((name) => ({ name, entry: plainCliProvider(), configured: false }));
  return [...configured, ...added];
}

export async function listAccounts(context: CommandContext): Promise<number> {
  const config = readConfig(context);
  const rows = await withStore(context, async (store) => {
    const found = cliProviders(context, config).map(async ({ name, entry }) => {
      const driver = await driverFor(name, entry);
      const states = await store.accountStates.load(name);
      return accountsOf(context.home, name, entry).map((account) => {
        const { state, detail } = driver.signIn(account);
        const kept = states.get(account.name);
        const resting = kept !== undefined && kept.restUntil > Date.now();
        return {
          provider: name,
          account: account.name,
          program: driver.title,
          signedIn: state,
          detail: resting ? `${kept.reason} until ${new Date(kept.restUntil).toISOString()}` : detail,
          home: account.home,
        };
      });
    });
    return (await Promise.all(found)).flat();
  });
  context.print(rows, () =>
    rows.length === 0
      ? "No accounts. Add one with: trunkline accounts add claude"
      : table(
          ["PROVIDER", "ACCOUNT", "PROGRAM", "SIGNED IN", "DETAIL"],
          rows.map((row) => [row.provider, row.account, row.program, row.signedIn, row.detail]),
        ),
  );
  return exitCodes.ok;
}

/** Runs the program in an account's home with the terminal's own input and output. Resolves with its exit code. */
async function runProgram(
  context: CommandContext,
  driver: Driver,
  entry: CliProviderConfig,
  account: Account,
  args: (version: string) => readonly string[],
): Promise<number> {
  const { findProgram } = await loadCliProcess();
  const { command, leading, version } = await findProgram(driver, entry.command ?? driver.command, context.environment);
  const own = childEnvironment(context.environment, account.home, driver.environment(account));
  // A log-in talks to a person: it needs the terminal, and the desktop to open a browser.
  const desktop = ["TERM", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "BROWSER"];
  const terminal = desktop.flatMap((name) => {
    const value = context.environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...leading, ...args(version)], {
      cwd: account.home,
      stdio: "inherit",
      env: { ...own, ...Object.fromEntries(terminal) },
    });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function logIn(
  context: CommandContext,
  driver: Driver,
  entry: CliProviderConfig,
  account: Account,
): Promise<void> {
  const { hint } = driver.login(account, "");
  if (hint !== "") console.error(hint);
  const code = await runProgram(context, driver, entry, account, (version) => driver.login(account, version).args);
  const { state } = driver.signIn(account);
  if (code !== 0 || state === "no")
    throw new CommandError(
      `${driver.title} ended with code ${code} and nobody is signed in. Try again with: trunkline accounts login <provider> ${account.name}`,
    );
}

export type AddOptions = {
  readonly name: string;
  readonly home?: string;
  readonly planLimitsOnly?: boolean;
  readonly login: boolean;
};

export async function addAccountCommand(
  context: CommandContext,
  provider: string,
  options: AddOptions,
): Promise<number> {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(options.name))
    throw new CommandError("An account's name is letters, digits, '.', '_' and '-'.", exitCodes.usage);
  const config = readConfig(context);
  const { entry, configured } = findEntry(config, provider);
  const driver = await driverFor(provider, entry);
  if (accountsOf(context.home, provider, entry).some(({ name }) => name === options.name))
    throw new CommandError(
      `The provider '${provider}' has an account '${options.name}' already. Choose another --name.`,
    );
  const { findProgram } = await loadCliProcess();
  const { version } = await findProgram(driver, entry.command ?? driver.command, context.environment);
  const account = addAccount(context.home, provider, options.name, {
    home: options.home,
    planLimitsOnly: options.planLimitsOnly === true,
  });
  if (options.login && options.home === undefined) {
    try {
      await logIn(context, driver, entry, account);
    } catch (error) {
      removeAccount(context.home, provider, options.name);
      throw error;
    }
  }
  const { state, detail } = driver.signIn(account);
  const mustConfigure = !configured && !config.discover;
  context.print(
    { provider, account: account.name, home: account.home, program: driver.title, version, signedIn: state },
    () =>
      [
        `Added the account '${account.name}' of ${driver.title} ${version} (${detail}).`,
        mustConfigure
          ? `Discovery is off: add it to ${context.home.configFile}:\n\nproviders:\n  ${provider}:\n    kind: cli-process`
          : "A running gateway takes it up with: trunkline restart",
      ].join("\n"),
  );
  return exitCodes.ok;
}

function findAccount(
  context: CommandContext,
  provider: string,
  name: string | undefined,
): Found & { account: Account } {
  const found = findEntry(readConfig(context), provider);
  const accounts = accountsOf(context.home, provider, found.entry);
  const account = name === undefined ? accounts[0] : accounts.find((other) => other.name === name);
  if (!account)
    throw new CommandError(
      accounts.length === 0
        ? `The provider '${provider}' has no account. Add one with: trunkline accounts add ${provider}`
        : `The provider '${provider}' has no account '${name}'. It has: ${accounts.map((other) => other.name).join(", ")}.`,
    );
  return { ...found, account };
}

export async function loginCommand(
  context: CommandContext,
  provider: string,
  name: string | undefined,
): Promise<number> {
  const { entry, account } = findAccount(context, provider, name);
  const driver = await driverFor(provider, entry);
  await logIn(context, driver, entry, account);
  await withStore(context, (store) => store.accountStates.remove(provider, account.name));
  context.print(
    { provider, account: account.name, signedIn: "yes" },
    () => `Signed in: '${account.name}' of ${driver.title}.`,
  );
  return exitCodes.ok;
}

export async function removeAccountCommand(context: CommandContext, provider: string, name: string): Promise<number> {
  const { entry, account } = findAccount(context, provider, name);
  if (entry.accounts.some((configured) => configured.name === name))
    throw new CommandError(`The account '${name}' stands in ${context.home.configFile}: remove it there.`);
  const driver = await driverFor(provider, entry);
  const logout = account.shared ? undefined : driver.logout?.(account);
  // Signing out tells the vendor; that it cannot be told must not keep the account here.
  if (logout) await runProgram(context, driver, entry, account, () => logout).catch(() => 1);
  removeAccount(context.home, provider, name);
  await withStore(context, (store) => store.accountStates.remove(provider, name));
  context.print({ provider, account: name, removed: true }, () => `Removed the account '${name}' of '${provider}'.`);
  return exitCodes.ok;
}

/** What is left of the plans, as last told, or asked for anew. */
export async function quotaCommand(context: CommandContext, refresh: boolean): Promise<number> {
  const config = readConfig(context);
  const programs = Object.fromEntries(cliProviders(context, config).map(({ name, entry }) => [name, entry]));
  return withProvidersOf(context, { ...config, providers: programs }, async ({ providers }) => {
    if (refresh)
      for (const provider of providers)
        for (const { account, problem } of (await provider.refreshQuota?.()) ?? [])
          console.error(`warning: ${provider.name}/${account}: ${problem}`);
    const quota = await readQuota(providers);
    context.print(quota, () => quotaTable(quota));
    return exitCodes.ok;
  });
}

function quotaTable({ accounts, buckets }: Awaited<ReturnType<typeof readQuota>>): string {
  if (accounts.length === 0) return "No accounts. Add one with: trunkline accounts add claude";
  const rows = accounts.flatMap(({ provider, account, state, reason, until }) => {
    const own = buckets.filter((bucket) => bucket.provider === provider && bucket.account === account);
    const note = reason === null ? "" : `${reason}${until === null ? "" : ` until ${until}`}`;
    if (own.length === 0) return [[provider, account, state, "-", "-", "-", note]];
    return own.map(({ type, utilization, resetsAt }) => [
      provider,
      account,
      state,
      type,
      utilization === null ? "?" : `${Math.round(utilization * 100)} %`,
      resetsAt ?? "?",
      note,
    ]);
  });
  return table(["PROVIDER", "ACCOUNT", "STATE", "WINDOW", "USED", "RESETS", "NOTE"], rows);
}
