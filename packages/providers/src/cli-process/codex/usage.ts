import { asNumber, usageOf, type JsonObject, type Usage } from "@trunkline/contracts";

/** Token counts as `exec` (snake case) and the server (camel case) tell them. Cached tokens are among the input's, reasoning among the output's. */
export function usageOfCounts(counts: JsonObject, before?: Usage): Usage {
  const count = (snake: string, camel: string) => asNumber(counts[snake]) ?? asNumber(counts[camel]) ?? 0;
  return usageOf({
    inputTokens: (before?.inputTokens ?? 0) + count("input_tokens", "inputTokens"),
    outputTokens: (before?.outputTokens ?? 0) + count("output_tokens", "outputTokens"),
    cacheReadTokens: (before?.cacheReadTokens ?? 0) + count("cached_input_tokens", "cachedInputTokens"),
    reasoningTokens: (before?.reasoningTokens ?? 0) + count("reasoning_output_tokens", "reasoningOutputTokens"),
  });
}
