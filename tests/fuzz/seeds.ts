import type { DialectName, JsonObject } from "@trunkline/contracts";

const image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";
const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** Requests that use what each dialect has; fuzzing changes them. */
export const requestSeeds: Readonly<Record<DialectName, readonly JsonObject[]>> = {
  "openai-chat": [
    {
      model: "m",
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.5,
      max_completion_tokens: 100,
      reasoning_effort: "low",
      stop: ["a", "b"],
      n: 1,
      logit_bias: { "50256": -100 },
      response_format: { type: "json_schema", json_schema: { name: "s", schema, strict: true } },
      tool_choice: { type: "function", function: { name: "get_weather" } },
      tools: [
        { type: "function", function: { name: "get_weather", description: "d", parameters: schema, strict: true } },
        { type: "custom", custom: { name: "patch", format: { type: "text" } } },
      ],
      messages: [
        { role: "system", content: "s" },
        { role: "developer", content: [{ type: "text", text: "d" }] },
        {
          role: "user",
          name: "n",
          content: [
            { type: "text", text: "t" },
            { type: "image_url", image_url: { url: `data:image/png;base64,${image}`, detail: "low" } },
          ],
        },
        {
          role: "assistant",
          content: "a",
          reasoning_content: "r",
          tool_calls: [{ id: "c1", type: "function", function: { name: "get_weather", arguments: '{"city":"Z"}' } }],
        },
        { role: "tool", tool_call_id: "c1", content: "sunny" },
        { role: "assistant", content: null, refusal: "no" },
        {
          role: "user",
          content: [
            { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
            { type: "file", file: { filename: "f.pdf", file_data: "data:application/pdf;base64,AAAA" } },
          ],
        },
      ],
    },
  ],
  "openai-responses": [
    {
      model: "m",
      stream: true,
      store: false,
      instructions: "i",
      include: ["reasoning.encrypted_content"],
      reasoning: { effort: "high", summary: "auto" },
      text: { format: { type: "json_schema", name: "s", schema, strict: true }, verbosity: "low" },
      tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "get_weather" }] },
      tools: [
        { type: "function", name: "get_weather", parameters: schema, strict: false },
        { type: "custom", name: "patch", format: { type: "grammar", syntax: "lark", definition: "start: /a/" } },
        { type: "namespace", name: "ns", tools: [{ type: "function", name: "inner", parameters: schema }] },
        { type: "web_search" },
      ],
      input: [
        { type: "message", role: "developer", content: [{ type: "input_text", text: "d" }] },
        {
          role: "user",
          content: [
            { type: "input_text", text: "t" },
            { type: "input_image", image_url: `data:image/png;base64,${image}`, detail: "auto" },
          ],
        },
        { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "r" }], encrypted_content: "AAAA" },
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: "a", annotations: [] }],
        },
        {
          type: "function_call",
          id: "fc_1",
          call_id: "c1",
          name: "get_weather",
          arguments: '{"city":"Z"}',
          status: "completed",
        },
        { type: "function_call_output", call_id: "c1", output: "sunny" },
        { type: "custom_tool_call", call_id: "c2", name: "patch", input: "x" },
        { type: "custom_tool_call_output", call_id: "c2", output: [{ type: "input_text", text: "ok" }] },
      ],
    },
  ],
  "anthropic-messages": [
    {
      model: "m",
      stream: true,
      max_tokens: 2000,
      system: [{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "1h" } }],
      thinking: { type: "enabled", budget_tokens: 1024 },
      stop_sequences: ["a"],
      metadata: { user_id: "u" },
      tool_choice: { type: "tool", name: "get_weather", disable_parallel_tool_use: true },
      tools: [
        { name: "get_weather", description: "d", input_schema: schema },
        { type: "web_search_20250305", name: "web_search", max_uses: 2 },
      ],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "t", cache_control: { type: "ephemeral" } },
            { type: "image", source: { type: "base64", media_type: "image/png", data: image } },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "r", signature: "AAAA" },
            { type: "redacted_thinking", data: "BBBB" },
            { type: "text", text: "a" },
            { type: "tool_use", id: "toolu_1", name: "get_weather", input: { city: "Z" } },
          ],
        },
        {
          role: "user",
          content: [
            {
              type: "tool_result",
              tool_use_id: "toolu_1",
              is_error: false,
              content: [
                { type: "text", text: "sunny" },
                { type: "image", source: { type: "base64", media_type: "image/png", data: image } },
              ],
            },
            { type: "document", source: { type: "text", media_type: "text/plain", data: "doc" }, title: "d" },
          ],
        },
      ],
    },
  ],
  gemini: [
    {
      systemInstruction: { parts: [{ text: "s" }] },
      generationConfig: {
        temperature: 0.5,
        maxOutputTokens: 100,
        stopSequences: ["a"],
        responseMimeType: "application/json",
        responseSchema: { type: "OBJECT", properties: { city: { type: "STRING", nullable: true } } },
        thinkingConfig: { thinkingBudget: 100, includeThoughts: true },
      },
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["get_weather"] } },
      tools: [
        { functionDeclarations: [{ name: "get_weather", description: "d", parametersJsonSchema: schema }] },
        { googleSearch: {} },
      ],
      contents: [
        {
          role: "user",
          parts: [
            { text: "t" },
            { inlineData: { mimeType: "image/png", data: image } },
            { fileData: { mimeType: "video/mp4", fileUri: "https://example.com/v.mp4" } },
          ],
        },
        {
          role: "model",
          parts: [
            { text: "r", thought: true, thoughtSignature: "AAAA" },
            { text: "a" },
            { functionCall: { name: "get_weather", args: { city: "Z" } }, thoughtSignature: "BBBB" },
          ],
        },
        { role: "user", parts: [{ functionResponse: { name: "get_weather", response: { output: "sunny" } } }] },
        {
          role: "model",
          parts: [
            { executableCode: { language: "PYTHON", code: "1" } },
            { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } },
          ],
        },
      ],
    },
  ],
};
