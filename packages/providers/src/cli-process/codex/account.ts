import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJsonObject } from "@trunkline/contracts";
import type { Account, SignIn } from "../driver.ts";

export function codexHome(account: Account): string {
  return account.environment["CODEX_HOME"] ?? join(account.home, ".codex");
}

export function accountEnvironment(account: Account): Record<string, string> {
  const folder = codexHome(account);
  // The program refuses a folder that does not exist.
  if (!account.shared) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { CODEX_HOME: folder, ...account.environment };
}

export function signIn(account: Account): SignIn {
  if (account.environment["CODEX_API_KEY"]) return { state: "yes", detail: "by CODEX_API_KEY" };
  const file = join(codexHome(account), "auth.json");
  if (!existsSync(file)) return { state: "no", detail: "no credential in the account's home" };
  const auth = parseJsonObject(readFileSync(file, "utf8"));
  return { state: "yes", detail: auth?.["tokens"] ? "by its own log-in" : "by an API key of its own" };
}
