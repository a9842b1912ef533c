import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Account, SignIn } from "../driver.ts";

/** A home of our own gets a folder of its own even where credentials lie in a keychain, whose entries are named after that folder. */
export function accountEnvironment(account: Account): Record<string, string> {
  return {
    ...(account.shared ? {} : { CLAUDE_CONFIG_DIR: join(account.home, ".claude") }),
    ...account.environment,
  };
}

const credentialVariables = ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"];

export function signIn(account: Account): SignIn {
  const variable = credentialVariables.find((name) => account.environment[name]);
  if (variable !== undefined) return { state: "yes", detail: `by ${variable}` };
  if (existsSync(join(account.home, ".claude", ".credentials.json")))
    return { state: "yes", detail: "by its own log-in" };
  // On macOS the credential is in the keychain.
  return process.platform === "darwin"
    ? { state: "unknown", detail: "the keychain is not looked into" }
    : { state: "no", detail: "no credential in the account's home" };
}
