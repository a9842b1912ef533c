import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { asObject, asString, parseJson } from "@trunkline/contracts";
import type { Account } from "@trunkline/providers";
import type { Home } from "./home.ts";
import type { CliProviderConfig } from "./schema.ts";

/** What `trunkline accounts add` writes down beside the log-in itself, which is the vendor's business. */
const noteFile = "account.json";

function folderOf(home: Home, provider: string, name: string): string {
  return join(home.accountsFolder, provider, name);
}

function expand(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : resolve(path);
}

function readAccount(home: Home, provider: string, name: string): Account {
  const folder = folderOf(home, provider, name);
  const note = existsSync(join(folder, noteFile))
    ? asObject(parseJson(readFileSync(join(folder, noteFile), "utf8")))
    : undefined;
  const elsewhere = asString(note?.["home"]);
  return {
    name,
    home: elsewhere ?? folder,
    workFolder: join(folder, "work"),
    shared: elsewhere !== undefined,
    environment: {},
    arguments: [],
    planLimitsOnly: note?.["planLimitsOnly"] === true,
  };
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** Providers for which accounts were added. */
export function providersWithAccounts(home: Home): string[] {
  return foldersIn(home.accountsFolder).filter((provider) => foldersIn(join(home.accountsFolder, provider)).length > 0);
}

/** Accounts of a provider: those of the configuration, then those that were added. */
export function accountsOf(home: Home, provider: string, config: CliProviderConfig | undefined): Account[] {
  const configured = (config?.accounts ?? []).map((account): Account => ({
    name: account.name,
    home: account.home === undefined ? folderOf(home, provider, account.name) : expand(account.home),
    workFolder: join(folderOf(home, provider, account.name), "work"),
    shared: account.home !== undefined,
    environment: account.env,
    arguments: account.args,
    planLimitsOnly: account.plan_limits_only,
  }));
  const added = foldersIn(join(home.accountsFolder, provider))
    .filter((name) => !configured.some((account) => account.name === name))
    .map((name) => readAccount(home, provider, name));
  const accounts = [...configured, ...added];
  for (const account of accounts) {
    if (account.shared) continue;
    mkdirSync(account.home, { recursive: true, mode: 0o700 });
    chmodSync(account.home, 0o700);
  }
  return accounts;
}

export type NewAccount = { readonly home?: string | undefined; readonly planLimitsOnly: boolean };

/** Makes an account's home, or notes whose home it uses. */
export function addAccount(home: Home, provider: string, name: string, options: NewAccount): Account {
  const folder = folderOf(home, provider, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const note = {
    ...(options.home === undefined ? {} : { home: expand(options.home) }),
    ...(options.planLimitsOnly ? { planLimitsOnly: true } : {}),
  };
  if (Object.keys(note).length > 0) writeFileSync(join(folder, noteFile), `${JSON.stringify(note)}\n`, { mode: 0o600 });
  return readAccount(home, provider, name);
}

/** Removes an account's own home with all that lies in it; a home that is someone's is left alone. */
export function removeAccount(home: Home, provider: string, name: string): void {
  rmSync(folderOf(home, provider, name), { recursive: true, force: true });
}
