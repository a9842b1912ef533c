import { checkSettings } from "../conversation/check-settings.ts";
import type { Driver } from "../driver.ts";
import { oldest } from "./flags.ts";
import { createAgyProgram } from "./program.ts";
import { title } from "./thread.ts";

/** Google's Antigravity CLI, which serves personal plans in place of Gemini CLI. */
export const agy: Driver = {
  name: "agy",
  title,
  command: "agy",
  family: "gemini",
  capabilities: {
    streamsDeltas: true,
    tools: "envelope",
    images: false,
    jsonSchema: true,
    samplingParameters: false,
    usage: "exact",
    sessions: true,
    quota: false,
    embeddings: false,
  },
  models: [],
  claims: () => false,
  oldest,
  install: "Google's installer is at https://antigravity.google.",
  login: () => ({ args: [], hint: "Sign in when it asks, then leave the program." }),
  environment: (account) => account.environment,
  // Its credential may be in the system's keyring.
  signIn: (account) =>
    account.environment["ANTIGRAVITY_API_KEY"]
      ? { state: "yes", detail: "by ANTIGRAVITY_API_KEY" }
      : { state: "unknown", detail: "the keyring is not looked into" },
  check: ({ settings }) => checkSettings(settings, title, ["reasoning"]),
  connect: createAgyProgram,
};
