import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseJsonObject } from "@trunkline/contracts";
import type { Account, SignIn } from "../driver.ts";
import { settingsFor } from "./flags.ts";

export function accountEnvironment(account: Account): Record<string, string> {
  return {
    // It would start itself a second time to change its own memory limits.
    GEMINI_CLI_NO_RELAUNCH: "true",
    ...account.environment,
  };
}

/** Settings and instructions are files; these are the process's own. */
export function prepareFiles(account: Account, scratch: string): Record<string, string> {
  writeFileSync(instructionsFile(scratch), plainInstructions);
  const instructions = { GEMINI_SYSTEM_MD: instructionsFile(scratch) };
  if (account.shared) {
    // Settings of a person's own home are left alone; these go before them.
    const settings = join(scratch, "settings.json");
    writeFileSync(settings, JSON.stringify(settingsFor(account)));
    return { ...instructions, GEMINI_CLI_SYSTEM_SETTINGS_PATH: settings };
  }
  const folder = join(account.home, ".gemini");
  const file = join(folder, "settings.json");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const before = existsSync(file) ? (parseJsonObject(readFileSync(file, "utf8")) ?? {}) : {};
  // What the log-in chose stays.
  const security = before["security"] === undefined ? {} : { security: before["security"] };
  const text = JSON.stringify({ ...settingsFor(account), ...security });
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text, { mode: 0o600 });
  return instructions;
}

export function instructionsFile(scratch: string): string {
  return join(scratch, "system.md");
}

/** The program insists on some, and would put pages of its own in their place. */
export const plainInstructions = "You are a helpful assistant.";

export function signIn(account: Account): SignIn {
  const variable = ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"].find(
    (name) => account.environment[name],
  );
  if (variable !== undefined) return { state: "yes", detail: `by ${variable}` };
  if (existsSync(join(account.home, ".gemini", "oauth_creds.json")))
    return { state: "yes", detail: "by its own log-in" };
  return { state: "no", detail: "no credential in the account's home" };
}
