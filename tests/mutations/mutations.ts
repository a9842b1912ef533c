export type Mutation = {
  /** Below packages/dialects/src. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
};

/** A mistake in each decoder and encoder, such as one makes. */
export const mutations: readonly Mutation[] = [
  {
    file: "openai-chat/decode-request.ts",
    find: 'optional(details, "arguments", "string"',
    put: 'optional(details, "argument", "string"',
  },
  {
    file: "openai-chat/decode-response.ts",
    find: 'asArray(message["tool_calls"])',
    put: 'asArray(message["tool_call"])',
  },
  { file: "openai-chat/decode-stream.ts", find: 'asString(delta["content"])', put: 'asString(delta["text"])' },
  { file: "openai-chat/usage.ts", find: 'asNumber(value["prompt_tokens"]) ?? 0', put: "0" },
  { file: "openai-chat/encode-request.ts", find: "tool_call_id", put: "call_id" },
  { file: "openai-chat/encode-stream.ts", find: "[DONE]", put: "[END]" },
  { file: "openai-responses/decode-request.ts", find: "instructions", put: "instruction" },
  { file: "openai-responses/decode-response.ts", find: '"max_output_tokens"', put: '"max_tokens"' },
  {
    file: "openai-responses/decode-stream.ts",
    find: "response.function_call_arguments.delta",
    put: "response.function_call_arguments.part",
  },
  { file: "openai-responses/usage.ts", find: '["cached_tokens"]', put: '["cache_tokens"]' },
  { file: "openai-responses/encode-request.ts", find: "max_output_tokens", put: "max_tokens" },
  { file: "openai-responses/encode-stream.ts", find: "response.output_text.delta", put: "response.text.delta" },
  { file: "anthropic-messages/decode-request.ts", find: "stop_sequences", put: "stop_sequence" },
  { file: "anthropic-messages/decode-response.ts", find: 'asString(body["stop_reason"])', put: "undefined" },
  { file: "anthropic-messages/decode-stream.ts", find: 'case "content_block_stop"', put: 'case "content_block_end"' },
  { file: "anthropic-messages/blocks.ts", find: 'JSON.stringify(block["input"] ?? {})', put: '"{}"' },
  {
    file: "anthropic-messages/encode-request.ts",
    find: 'turns[0]?.["role"] !== "user"',
    put: 'turns[0]?.["role"] === "user"',
  },
  { file: "anthropic-messages/encode-stream.ts", find: "input_json_delta", put: "input_delta" },
  { file: "gemini/decode-request.ts", find: 'body["systemInstruction"]', put: 'body["systemInstructions"]' },
  { file: "gemini/decode-response.ts", find: 'called && reason === "stop"', put: 'called && reason === "length"' },
  { file: "gemini/decode-stream.ts", find: 'asString(value["finishReason"])', put: "undefined" },
  { file: "gemini/parts.ts", find: 'part["thought"] === true', put: 'part["thought"] === "true"' },
  { file: "gemini/encode-request.ts", find: "systemInstruction:", put: "systemInstructions:" },
  { file: "gemini/encode-stream.ts", find: "finishReason", put: "finish_reason" },
  { file: "shared/splice.ts", find: "(index - before) % 2 === 1", put: "(index - before) % 2 === 0" },
  { file: "shared/sse.ts", find: "if (value.charCodeAt(0) === 32) value = value.slice(1);", put: "" },
];
