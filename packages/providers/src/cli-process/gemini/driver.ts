import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { asString, parseJsonObject } from "@trunkline/contracts";
import { checkSettings } from "../conversation/check-settings.ts";
import type { Driver } from "../driver.ts";
import { accountEnvironment, signIn } from "./account.ts";
import { oldest } from "./flags.ts";
import { createGeminiProgram } from "./program.ts";
import { title } from "./stream.ts";

/** Google's Gemini CLI, driven over the Agent Client Protocol. For API keys and Code Assist Standard or Enterprise. */
export const gemini: Driver = {
  name: "gemini",
  title,
  command: "gemini",
  family: "gemini",
  capabilities: {
    streamsDeltas: true,
    tools: "envelope",
    images: true,
    jsonSchema: false,
    samplingParameters: false,
    usage: "exact",
    sessions: true,
    quota: false,
    embeddings: false,
  },
  models: [],
  claims: () => false,
  oldest,
  install: "Get it with: npm install -g @google/gemini-cli",
  version: packageVersion,
  login: () => ({ args: [], hint: "Choose how to sign in, then leave the program with /quit." }),
  environment: accountEnvironment,
  signIn,
  check({ settings }) {
    const missing = checkSettings(settings, title, []);
    if (settings.responseFormat && settings.responseFormat.type !== "text") missing.push("response_format");
    return missing;
  },
  connect: createGeminiProgram,
};

/** Asking the program takes 3 s; its package tells at once. */
function packageVersion(file: string): string | undefined {
  for (let folder = dirname(file), step = 0; step < 4; folder = dirname(folder), step++) {
    const manifest = join(folder, "package.json");
    if (!existsSync(manifest)) continue;
    const { name, version } = parseJsonObject(readFileSync(manifest, "utf8")) ?? {};
    if (asString(name)?.endsWith("gemini-cli")) return asString(version);
  }
  return undefined;
}
