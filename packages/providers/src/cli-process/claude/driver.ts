import { checkSettings } from "../conversation/check-settings.ts";
import type { Driver } from "../driver.ts";
import { accountEnvironment, signIn } from "./account.ts";
import { oldest, quietEnvironment } from "./flags.ts";
import { title } from "./failures.ts";
import { createClaudeProgram } from "./program.ts";

/** Anthropic's Claude Code, driven over its documented stream-json pipe. */
export const claude: Driver = {
  name: "claude",
  title,
  command: "claude",
  family: "anthropic",
  capabilities: {
    streamsDeltas: true,
    tools: "native",
    images: true,
    jsonSchema: true,
    samplingParameters: false,
    usage: "exact",
    sessions: true,
    quota: true,
    embeddings: false,
  },
  // Names the program itself resolves to the newest of each.
  models: [
    { id: "sonnet", displayName: "Claude Sonnet (newest)" },
    { id: "opus", displayName: "Claude Opus (newest)" },
    { id: "haiku", displayName: "Claude Haiku (newest)" },
  ],
  claims: (model) => model.startsWith("claude-"),
  oldest,
  install: "Get it with: npm install -g @anthropic-ai/claude-code",
  login: () => ({ args: ["auth", "login"], hint: "Sign in with the account whose plan you want to use." }),
  logout: () => ["auth", "logout"],
  environment: (account) => ({ ...quietEnvironment, ...accountEnvironment(account) }),
  signIn,
  check({ settings, toolChoice }) {
    const missing = checkSettings(settings, title, ["maxOutputTokens", "reasoning"]);
    if (toolChoice && toolChoice.mode !== "auto" && toolChoice.mode !== "none") missing.push("tool_choice");
    if (settings.parallelToolCalls === false) missing.push("parallel_tool_calls");
    return missing;
  },
  connect: createClaudeProgram,
};
