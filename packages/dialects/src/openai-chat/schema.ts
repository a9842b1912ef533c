/** Top-level members of a Chat Completions request this gateway translates; others are reported as degraded. */
export const knownMembers: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "top_k",
  "n",
  "stop",
  "frequency_penalty",
  "presence_penalty",
  "seed",
  "logprobs",
  "top_logprobs",
  "logit_bias",
  "response_format",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "reasoning_effort",
  "reasoning",
  "service_tier",
  "user",
  "metadata",
  "store",
  "prompt_cache_key",
  "safety_identifier",
  "verbosity",
]);

/** Chat's `finish_reason` words. */
export const finishReasons = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
} as const;

/**
 * The chunk's tool-call slot where Google's OpenAI-compatible API carries `thought_signature`; clients built on it hand it back.
 */
export const signatureSlot = "extra_content";
