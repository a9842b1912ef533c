import type { Conversation, ReasoningSettings } from "@trunkline/contracts";

/** What a process must be started with; two requests of the same can use the same waiting process. */
export type Launch = {
  readonly model: string;
  readonly effort: string | undefined;
  readonly thinks: boolean;
  readonly maxOutputTokens: number | undefined;
};

/**
 * The oldest version that takes history on its input: before it, `shouldQuery` and a system prompt in `initialize` are ignored
 * (tried with 2.0.64, 2.1.20 and 2.1.100, which answer the first line of the history, and 2.1.197 and 2.1.329, which do not).
 */
export const oldest = "2.1.197";

const efforts = new Set(["low", "medium", "high", "xhigh", "max"]);

function effortOf(reasoning: ReasoningSettings | undefined): string | undefined {
  const effort = reasoning?.effort === "minimal" ? "low" : reasoning?.effort;
  return effort !== undefined && efforts.has(effort) ? effort : undefined;
}

export function launchFor(model: string, { settings }: Conversation): Launch {
  const { reasoning, maxOutputTokens } = settings;
  return {
    model,
    effort: effortOf(reasoning),
    thinks: reasoning?.effort !== "none" && reasoning?.budgetTokens !== 0,
    maxOutputTokens: maxOutputTokens === undefined ? undefined : Math.max(1, Math.floor(maxOutputTokens)),
  };
}

export type Session = { readonly id: string; readonly resumed: boolean } | undefined;

/**
 * Text in and out as JSON lines, every delta, no tool of its own, no settings, servers or commands but ours. Tools that clients bring are
 * asked for over the same pipe (`--permission-prompt-tool stdio`), so that none runs without us.
 */
export function argumentsFor(launch: Launch, session: Session): string[] {
  const keeping =
    session === undefined
      ? ["--no-session-persistence"]
      : session.resumed
        ? [`--resume=${session.id}`]
        : [`--session-id=${session.id}`];
  return [
    "-p",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--verbose",
    "--include-partial-messages",
    // Joined by `=`: a model's name comes from a client and must not become a flag of its own.
    `--model=${launch.model}`,
    "--tools",
    "",
    "--strict-mcp-config",
    "--setting-sources",
    "",
    "--disable-slash-commands",
    "--permission-prompt-tool",
    "stdio",
    ...(launch.effort === undefined ? [] : [`--effort=${launch.effort}`]),
    ...keeping,
  ];
}

/** Nothing but model calls leaves, nothing of the home is read into a prompt, and a failed call is told at once instead of repeated. */
export const quietEnvironment: Readonly<Record<string, string>> = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
  CLAUDE_CODE_MAX_RETRIES: "0",
  CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: "1",
  CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK: "1",
  CLAUDE_CODE_NO_MODEL_FALLBACK: "1",
  CLAUDE_CODE_DISABLE_CLAUDE_MDS: "1",
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  CLAUDE_CODE_DISABLE_FILE_MENTIONS: "1",
  CLAUDE_CODE_DISABLE_ATTACHMENTS: "1",
  CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
  CLAUDE_CODE_DISABLE_TERMINAL_TITLE: "1",
  // A call of a client's tool waits for the client, who may take his time.
  MCP_TOOL_TIMEOUT: "86400000",
};

export function launchEnvironment(launch: Launch, session: Session): Record<string, string> {
  return {
    // It would keep no transcript either, from which a session goes on.
    ...(session === undefined ? { CLAUDE_CODE_SKIP_PROMPT_HISTORY: "1" } : {}),
    ...(launch.thinks ? {} : { CLAUDE_CODE_DISABLE_THINKING: "1" }),
    ...(launch.maxOutputTokens === undefined ? {} : { CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(launch.maxOutputTokens) }),
  };
}
