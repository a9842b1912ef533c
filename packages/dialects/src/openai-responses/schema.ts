/** The model family whose native data this dialect carries. */
export const family = "openai";

/** Top-level members of a Responses request this gateway translates or serves itself; others are reported as degraded. */
export const knownMembers: ReadonlySet<string> = new Set([
  "model",
  "input",
  "instructions",
  "stream",
  "stream_options",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_logprobs",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "reasoning",
  "text",
  "metadata",
  "store",
  "previous_response_id",
  "include",
  "service_tier",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "truncation",
]);

/** Request members a response echoes, with OpenAI's defaults. */
export const echoedMembers = {
  instructions: null,
  max_output_tokens: null,
  metadata: {},
  parallel_tool_calls: true,
  previous_response_id: null,
  reasoning: { effort: null, summary: null },
  store: true,
  temperature: 1,
  text: { format: { type: "text" } },
  tool_choice: "auto",
  tools: [],
  top_p: 1,
  truncation: "disabled",
  user: null,
} as const;
