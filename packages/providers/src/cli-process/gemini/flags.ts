import type { Account } from "../driver.ts";

/** Oldest version that speaks the Agent Client Protocol under `--acp`. */
export const oldestAcp = "0.55.0";
/** Oldest version driven at all, by `-o stream-json`. */
export const oldest = "0.30.0";

/** In force over whatever settings a home has: no tools, no files read into prompts, no telemetry, no updates, one try. */
export function settingsFor(account: Account): object {
  return {
    // With an API key and no log-in, the program would not know which of the two to use.
    ...(account.environment["GEMINI_API_KEY"] ? { security: { auth: { selectedType: "gemini-api-key" } } } : {}),
    tools: { core: ["none"], exclude: ["update_topic"] },
    mcpServers: {},
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: 1, retryFetchErrors: false },
    context: { fileName: ["NONE.md"] },
    skills: { enabled: false },
    hooksConfig: { enabled: false },
    experimental: { enableAgents: false },
    admin: { mcp: { enabled: false } },
  };
}

const shared = ["--skip-trust", "-e", "none"];

export const acpArguments: readonly string[] = ["--acp", ...shared];

/** The one-shot way; the prompt comes on standard input. */
export function streamArguments(model: string): string[] {
  // Joined by `=`: a model's name comes from a client and must not become a flag of its own.
  return [`--model=${model}`, "-o", "stream-json", "--approval-mode", "default", ...shared];
}
