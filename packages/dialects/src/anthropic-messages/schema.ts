import type { FinishReason } from "@trunkline/contracts";

/** The model family whose native data this dialect carries. */
export const family = "anthropic";

/** Top-level members of a Messages request this gateway translates; others are reported as degraded. */
export const knownMembers: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "system",
  "max_tokens",
  "stream",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "metadata",
  "service_tier",
]);

export const finishReasons: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop",
  max_tokens: "length",
  stop_sequence: "stop-sequence",
  tool_use: "tool-calls",
  refusal: "refusal",
  pause_turn: "pause",
  model_context_window_exceeded: "context-length",
};

/** Models that think by `effort` with an adaptive budget; older ones take `budget_tokens`. */
export const adaptiveModels = /claude-(opus|sonnet|haiku|fable|mythos)-([5-9]|4-[6-9])/;

/** Smallest thinking budget the API accepts, in tokens. */
export const smallestBudget = 1024;

/** Most cache breakpoints a request may hold. */
export const mostBreakpoints = 4;
