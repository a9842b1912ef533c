import {
  GatewayError,
  type Completion,
  type Conversation,
  type DialectName,
  type JsonObject,
  type StreamEvent,
} from "@trunkline/contracts";
import { describe, expect, test } from "vitest";
import {
  createCollector,
  createSseParser,
  dialects,
  plainTraits,
  restoreToolEvents,
  type AnswerContext,
  type TargetTraits,
} from "./index.ts";

// One test for each of the wire's known traps, numbered as in docs/reference/compatibility.md. The body of each is spec-exact wire data.

const openai: TargetTraits = {
  ...plainTraits,
  family: "openai",
  customTools: true,
  reasoningEffort: true,
  developerRole: "developer",
  maxTokensField: "max_completion_tokens",
};
const anthropic: TargetTraits = { ...plainTraits, family: "anthropic", cacheControl: true };
const gemini: TargetTraits = { ...plainTraits, family: "gemini", mediaByUrl: false };
const traits: Record<DialectName, TargetTraits> = {
  "openai-chat": openai,
  "openai-responses": openai,
  "anthropic-messages": anthropic,
  gemini,
};

const decode = (dialect: DialectName, body: object) => dialects[dialect].decodeRequest(body as JsonObject, "m");
const encode = (dialect: DialectName, conversation: Conversation, model = "m", target = traits[dialect]) =>
  dialects[dialect].encodeRequest(conversation, model, target);
const translate = (from: DialectName, to: DialectName, body: object, model?: string) =>
  encode(to, decode(from, body), model).body as Record<string, unknown>;

function context(members: Partial<AnswerContext> = {}): AnswerContext {
  return {
    model: "asked-for",
    echo: {},
    includeUsage: false,
    estimatedInputTokens: 7,
    asJsonArray: false,
    requestId: "req_1",
    now: 0,
    ...members,
  };
}

function eventsOf(dialect: DialectName, sse: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  const decoder = dialects[dialect].createStreamDecoder();
  createSseParser((name, data) => decoder.event(name, data, (event) => events.push(event))).push(Buffer.from(sse));
  decoder.close((event) => events.push(event));
  return events;
}

function written(
  dialect: DialectName,
  events: readonly StreamEvent[],
  members: Partial<AnswerContext> = {},
): JsonObject[] {
  const encoder = dialects[dialect].createStreamEncoder(context(members));
  const out: JsonObject[] = [];
  createSseParser((_name, data) => {
    if (data !== "[DONE]") out.push(JSON.parse(data) as JsonObject);
  }).push(Buffer.from(events.map((event) => encoder.encode(event)).join("")));
  return out;
}

const named = (events: object[]) =>
  events.map((event) => `event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
const data = (chunks: object[]) => chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
const user = { role: "user", content: "Hi" };
const completion = (
  content: Completion["choices"][0]["content"],
  reason: Completion["choices"][0]["finish"]["reason"] = "stop",
): Completion => ({ id: "x", model: "m", created: 0, choices: [{ index: 0, content, finish: { reason } }] });
const call = (id: string, name: string, args = "{}") => ({ id, type: "function", function: { name, arguments: args } });

test("1: argument deltas go on as they arrive, under a 0-based index of calls, not of blocks", () => {
  const sse = named([
    { type: "message_start", message: { id: "msg_1", usage: { input_tokens: 3 } } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hm" } },
    { type: "content_block_stop", index: 0 },
    { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "toolu_1", name: "f", input: {} } },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"a"' } },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: ":1}" } },
    { type: "content_block_stop", index: 1 },
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 5 } },
    { type: "message_stop" },
  ]);
  const calls = written("openai-chat", eventsOf("anthropic-messages", sse)).flatMap(
    (chunk) => ((chunk["choices"] as JsonObject[])[0]?.["delta"] as JsonObject)?.["tool_calls"] ?? [],
  );
  expect(calls).toEqual([
    { index: 0, id: "toolu_1", type: "function", function: { name: "f", arguments: "" } },
    { index: 0, function: { arguments: '{"a"' } },
    { index: 0, function: { arguments: ":1}" } },
  ]);
});

describe("2: parallel calls", () => {
  test("never share an accumulator, also when their deltas interleave", () => {
    const chunk = (index: number, more: object) => ({
      id: "c",
      choices: [{ index: 0, delta: { tool_calls: [{ index, ...more }] } }],
    });
    const sse = data([
      chunk(0, { id: "a", function: { name: "f", arguments: '{"x":' } }),
      chunk(1, { id: "b", function: { name: "g", arguments: '{"y":' } }),
      chunk(0, { function: { arguments: "1}" } }),
      chunk(1, { function: { arguments: "2}" } }),
      { id: "c", choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
    ]);
    const back = eventsOf(
      "anthropic-messages",
      `${written("anthropic-messages", eventsOf("openai-chat", `${sse}data: [DONE]\n\n`))
        .map((event) => `event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`)
        .join("")}`,
    );
    const collector = createCollector();
    for (const event of back) collector.add(event);
    expect(collector.completion().choices[0]!.content).toMatchObject([
      { type: "tool-call", name: "f", input: '{"x":1}' },
      { type: "tool-call", name: "g", input: '{"y":2}' },
    ]);
  });

  test("`parallel_tool_calls: false` is `disable_parallel_tool_use: true`, both ways", () => {
    const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
    expect(
      translate("openai-chat", "anthropic-messages", { messages: [user], tools, parallel_tool_calls: false })[
        "tool_choice"
      ],
    ).toEqual({ type: "auto", disable_parallel_tool_use: true });
    const back = {
      messages: [user],
      max_tokens: 9,
      tools: [{ name: "f", input_schema: { type: "object" } }],
      tool_choice: { type: "any", disable_parallel_tool_use: true },
    };
    expect(translate("anthropic-messages", "openai-chat", back)).toMatchObject({
      tool_choice: "required",
      parallel_tool_calls: false,
    });
  });
});

describe("3: calls and results pair up", () => {
  const history = [
    user,
    { role: "assistant", content: null, tool_calls: [call("a.1", "f"), call("b", "g")] },
    { role: "tool", tool_call_id: "b", content: "two" },
    { role: "user", content: "and?" },
    { role: "tool", tool_call_id: "a.1", content: "one" },
    { role: "tool", tool_call_id: "a.1", content: "one again" },
    { role: "tool", tool_call_id: "orphan", content: "?" },
  ];

  test("results come first in the very next turn, once each, ids made safe", () => {
    const { body, degraded } = encode("anthropic-messages", decode("openai-chat", { messages: history }));
    expect((body["messages"] as JsonObject[])[2]).toEqual({
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "a_1", content: [{ type: "text", text: "one" }] },
        { type: "tool_result", tool_use_id: "b", content: [{ type: "text", text: "two" }] },
        { type: "text", text: "and?" },
      ],
    });
    expect((body["messages"] as JsonObject[])[1]).toMatchObject({ content: [{ id: "a_1" }, { id: "b" }] });
    expect(degraded).toContain("tool_result.orphan");
  });

  test("a call that was never answered gets an error result", () => {
    const { body, degraded } = encode(
      "anthropic-messages",
      decode("openai-chat", { messages: [user, { role: "assistant", tool_calls: [call("a", "f")] }, user] }),
    );
    expect((body["messages"] as JsonObject[])[2]).toMatchObject({
      content: [{ type: "tool_result", tool_use_id: "a", is_error: true }, { type: "text" }],
    });
    expect(degraded).toContain("tool_result.missing");
  });

  test("Gemini's calls get the same ids every time, and a choice without tools is dropped", () => {
    const contents = [
      { role: "model", parts: [{ functionCall: { name: "f", args: {} } }, { functionCall: { name: "f", args: {} } }] },
      {
        role: "user",
        parts: [
          { functionResponse: { name: "f", response: { output: "1" } } },
          { functionResponse: { name: "f", response: { output: "2" } } },
        ],
      },
    ];
    const messages = translate("gemini", "openai-chat", { contents })["messages"] as JsonObject[];
    expect(
      messages.map((message) => message["tool_call_id"] ?? (message["tool_calls"] as JsonObject[]).map(({ id }) => id)),
    ).toEqual([["call_0_f", "call_1_f"], "call_0_f", "call_1_f"]);
    expect(
      translate("openai-chat", "anthropic-messages", { messages: [user], tool_choice: "required" }),
    ).not.toHaveProperty("tool_choice");
  });
});

describe("4: streams that end early", () => {
  const half = data([
    {
      id: "c",
      choices: [
        { index: 0, delta: { tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: '{"x":' } }] } },
      ],
    },
  ]);

  test("are errors, and their partial call is not finished", () => {
    const events = eventsOf("openai-chat", half);
    expect(events.at(-1)).toMatchObject({ type: "error", error: { code: "upstream_ended_early" } });
    expect(events.some((event) => event.type === "tool-input-end" || event.type === "finish")).toBe(false);
  });

  test.each(["openai-responses", "anthropic-messages", "gemini"] as const)("%s", (dialect) => {
    const first = {
      "openai-responses": named([{ type: "response.created", response: {} }]),
      "anthropic-messages": named([{ type: "message_start", message: {} }]),
      gemini: data([{ candidates: [{ content: { parts: [{ text: "a" }] } }] }]),
    };
    expect(eventsOf(dialect, first[dialect]).at(-1)).toMatchObject({
      type: "error",
      error: { code: "upstream_ended_early" },
    });
  });

  test("what comes behind [DONE] is dropped", () => {
    const sse = `${data([{ id: "c", choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }] }])}data: [DONE]\n\n${data([{ id: "c", choices: [{ index: 0, delta: { content: "b" } }] }])}`;
    expect(eventsOf("openai-chat", sse).flatMap((event) => (event.type === "text-delta" ? [event.text] : []))).toEqual([
      "a",
    ]);
  });
});

describe("5: thoughts", () => {
  const thinking = { type: "thinking", thinking: "Hm.", signature: "EqQB/+==" };
  const redacted = { type: "redacted_thinking", data: "EmwK/8==" };

  test("survive Anthropic → Chat → Anthropic byte for byte, redacted ones too", () => {
    const answer = dialects["anthropic-messages"].decodeResponse({
      content: [thinking, redacted, { type: "text", text: "4" }],
      stop_reason: "end_turn",
    });
    const message = ((dialects["openai-chat"].encodeResponse(answer, context())["choices"] as JsonObject[])[0]![
      "message"
    ] ?? {}) as JsonObject;
    expect(message["reasoning_details"]).toMatchObject([
      { signature: "EqQB/+==" },
      { type: "reasoning.encrypted", data: "EmwK/8==" },
    ]);
    const again = translate("openai-chat", "anthropic-messages", { messages: [user, message, user] });
    expect((again["messages"] as JsonObject[])[1]).toMatchObject({
      content: [thinking, redacted, { type: "text", text: "4" }],
    });
  });

  test("Gemini's signatures ride through Anthropic and Responses and come back on their call", () => {
    const answer = dialects.gemini.decodeResponse({
      candidates: [
        {
          content: { parts: [{ functionCall: { name: "f", args: {} }, thoughtSignature: "CiQB/+=" }] },
          finishReason: "STOP",
        },
      ],
    });
    const blocks = dialects["anthropic-messages"].encodeResponse(answer, context())["content"] as JsonObject[];
    const viaAnthropic = translate("anthropic-messages", "gemini", {
      max_tokens: 9,
      messages: [
        { role: "user", content: "x" },
        { role: "assistant", content: blocks },
      ],
    });
    expect((viaAnthropic["contents"] as JsonObject[])[1]).toMatchObject({
      parts: [{ functionCall: { name: "f" }, thoughtSignature: "CiQB/+=" }],
    });
    const items = dialects["openai-responses"].encodeResponse(answer, context())["output"] as JsonObject[];
    const viaResponses = translate("openai-responses", "gemini", { input: [{ role: "user", content: "x" }, ...items] });
    expect((viaResponses["contents"] as JsonObject[])[1]).toMatchObject({
      parts: [{ functionCall: { name: "f" }, thoughtSignature: "CiQB/+=" }],
    });
  });

  test("are dropped, not faked, when the family differs, and that is said", () => {
    const { body, degraded } = encode(
      "openai-responses",
      decode("anthropic-messages", {
        max_tokens: 9,
        messages: [user, { role: "assistant", content: [thinking, { type: "text", text: "4" }] }, user],
      }),
    );
    expect(JSON.stringify(body)).not.toContain("EqQB");
    expect(degraded).toContain("messages.reasoning");
  });

  test("OpenAI's encrypted reasoning goes back with its id", () => {
    const item = {
      id: "rs_1",
      type: "reasoning",
      summary: [{ type: "summary_text", text: "s" }],
      encrypted_content: "gAAA",
    };
    expect(
      (translate("openai-responses", "openai-responses", { input: [user, item] })["input"] as JsonObject[])[1],
    ).toEqual(item);
  });

  test("DeepSeek's `reasoning_content` is passed back; `reasoning` is read as well", () => {
    const deepseek: TargetTraits = { ...plainTraits, family: "deepseek", reasoningField: "reasoning_content" };
    for (const field of ["reasoning_content", "reasoning"]) {
      const conversation = decode("openai-chat", {
        messages: [user, { role: "assistant", content: "4", [field]: "Hm." }, user],
      });
      expect((encode("openai-chat", conversation, "m", deepseek).body["messages"] as JsonObject[])[1]).toMatchObject({
        reasoning_content: "Hm.",
      });
    }
  });
});

describe("6: how hard to think", () => {
  const chat = (members: object) => ({ messages: [user], ...members });

  test("effort becomes a budget below max_tokens, or adaptive thinking where the model has it", () => {
    expect(
      translate(
        "openai-chat",
        "anthropic-messages",
        chat({ reasoning_effort: "high", max_tokens: 4000 }),
        "claude-3-7-sonnet",
      ),
    ).toMatchObject({ max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 3999 } });
    expect(
      translate("openai-chat", "anthropic-messages", chat({ reasoning_effort: "high" }), "claude-opus-4-6"),
    ).toMatchObject({ thinking: { type: "adaptive" }, output_config: { effort: "high" } });
    expect(
      translate(
        "openai-chat",
        "anthropic-messages",
        chat({ reasoning_effort: "high", max_tokens: 100 }),
        "claude-3-7-sonnet",
      ),
    ).not.toHaveProperty("thinking");
  });

  test("a budget becomes an effort, a Gemini budget or a Gemini level", () => {
    const request = { max_tokens: 9000, messages: [user], thinking: { type: "enabled", budget_tokens: 8192 } };
    expect(translate("anthropic-messages", "openai-responses", request)["reasoning"]).toMatchObject({
      effort: "medium",
    });
    expect(translate("anthropic-messages", "gemini", request, "gemini-2.5-pro")["generationConfig"]).toMatchObject({
      thinkingConfig: { thinkingBudget: 8192, includeThoughts: true },
    });
    expect(
      translate("openai-chat", "gemini", chat({ reasoning_effort: "low" }), "gemini-3-pro")["generationConfig"],
    ).toMatchObject({ thinkingConfig: { thinkingLevel: "low" } });
  });

  test("no temperature beside Claude's thinking", () => {
    const { body, degraded } = encode(
      "anthropic-messages",
      decode("openai-chat", chat({ reasoning_effort: "low", temperature: 0.2, max_tokens: 4000 })),
      "claude-3-7-sonnet",
    );
    expect(body).not.toHaveProperty("temperature");
    expect(degraded).toContain("temperature");
  });
});

test("7: at most four cache breakpoints, no longer life behind a shorter one, nothing else re-ordered", () => {
  const mark = (ttl?: string) => ({ cache_control: { type: "ephemeral", ...(ttl ? { ttl } : {}) } });
  const request = {
    max_tokens: 9,
    system: [{ type: "text", text: "s", ...mark("1h") }],
    tools: [{ name: "f", input_schema: { type: "object" }, ...mark() }],
    messages: [{ role: "user", content: ["a", "b", "c", "d"].map((text) => ({ type: "text", text, ...mark() })) }],
  };
  const { body, degraded } = encode("anthropic-messages", decode("anthropic-messages", request));
  expect(JSON.stringify(body).match(/cache_control/g)).toHaveLength(4);
  expect((body["tools"] as JsonObject[])[0]).not.toHaveProperty("cache_control");
  expect(degraded).toContain("cache_control");
  const two = encode("anthropic-messages", decode("anthropic-messages", { ...request, messages: [user] }));
  expect((two.body["system"] as JsonObject[])[0]!["cache_control"]).toEqual({ type: "ephemeral", ttl: "5m" });
  expect(translate("openai-responses", "openai-chat", { input: "x", prompt_cache_key: "k" })["prompt_cache_key"]).toBe(
    "k",
  );
});

describe("8: images and documents", () => {
  const url = "data:image/png;base64,iVBOR";

  test("a data URL is a base64 source and inline data, and back", () => {
    const request = { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] };
    expect((translate("openai-chat", "anthropic-messages", request)["messages"] as JsonObject[])[0]).toMatchObject({
      content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "iVBOR" } }],
    });
    expect((translate("openai-chat", "gemini", request)["contents"] as JsonObject[])[0]).toMatchObject({
      parts: [{ inlineData: { mimeType: "image/png", data: "iVBOR" } }],
    });
    const back = { contents: [{ parts: [{ inlineData: { mimeType: "image/png", data: "iVBOR" } }] }] };
    expect((translate("gemini", "openai-responses", back)["input"] as JsonObject[])[0]).toMatchObject({
      content: [{ type: "input_image", image_url: url }],
    });
  });

  test("images in a tool's result are lifted beside it for Chat, and PDFs stay", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBOR" } };
    const request = {
      max_tokens: 9,
      messages: [
        user,
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "see" }, image] }],
        },
      ],
    };
    expect((translate("anthropic-messages", "openai-chat", request)["messages"] as JsonObject[]).slice(2)).toEqual([
      { role: "tool", tool_call_id: "t", content: "see" },
      { role: "user", content: [{ type: "image_url", image_url: { url } }] },
    ]);
    const pdf = {
      messages: [
        {
          role: "user",
          content: [{ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBE" } }],
        },
      ],
    };
    expect((translate("openai-chat", "anthropic-messages", pdf)["messages"] as JsonObject[])[0]).toMatchObject({
      content: [{ type: "document", source: { media_type: "application/pdf", data: "JVBE" } }],
    });
  });
});

test('9: stop reasons keep their meaning; pause and a full context are never "stop"', () => {
  const reasons = {
    end_turn: "stop",
    max_tokens: "length",
    stop_sequence: "stop",
    tool_use: "tool_calls",
    refusal: "content_filter",
    pause_turn: "length",
    model_context_window_exceeded: "length",
  };
  for (const [stop_reason, finish_reason] of Object.entries(reasons)) {
    const chat = dialects["openai-chat"].encodeResponse(
      dialects["anthropic-messages"].decodeResponse({ content: [], stop_reason }),
      context(),
    );
    expect((chat["choices"] as JsonObject[])[0]).toMatchObject({ finish_reason });
    const same = dialects["anthropic-messages"].encodeResponse(
      dialects["anthropic-messages"].decodeResponse({ content: [], stop_reason }),
      context(),
    );
    expect(same["stop_reason"]).toBe(stop_reason);
  }
  const safety = dialects.gemini.decodeResponse({ candidates: [{ content: { parts: [] }, finishReason: "SAFETY" }] });
  expect((dialects["openai-chat"].encodeResponse(safety, context())["choices"] as JsonObject[])[0]).toMatchObject({
    finish_reason: "content_filter",
  });
  // Google says STOP behind a call, and some Chat servers say nothing at all.
  const called = dialects.gemini.decodeResponse({
    candidates: [{ content: { parts: [{ functionCall: { name: "f" } }] }, finishReason: "STOP" }],
  });
  expect(called.choices[0]!.finish.reason).toBe("tool-calls");
  expect(
    dialects["openai-chat"].decodeResponse({ choices: [{ message: { tool_calls: [call("a", "f")] } }] }).choices[0]!
      .finish.reason,
  ).toBe("tool-calls");
});

describe("10: usage", () => {
  const usage = {
    input_tokens: 10,
    cache_read_input_tokens: 100,
    cache_creation_input_tokens: 30,
    cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
    output_tokens: 5,
  };

  test("Anthropic's input leaves the cache out, the others' holds it; 5 min and 1 h are told apart", () => {
    const answer = dialects["anthropic-messages"].decodeResponse({ content: [], usage });
    expect(answer.usage).toMatchObject({
      inputTokens: 140,
      cacheReadTokens: 100,
      cacheWrite5mTokens: 10,
      cacheWrite1hTokens: 20,
      outputTokens: 5,
      estimated: false,
    });
    expect(dialects["openai-chat"].encodeResponse(answer, context())["usage"]).toMatchObject({
      prompt_tokens: 140,
      total_tokens: 145,
      prompt_tokens_details: { cached_tokens: 100 },
    });
    expect(dialects["anthropic-messages"].encodeResponse(answer, context())["usage"]).toMatchObject(usage);
    expect(dialects["openai-responses"].encodeResponse(answer, context())["usage"]).toMatchObject({
      output_tokens_details: { reasoning_tokens: 0 },
    });
  });

  test("Gemini's thoughts are counted beside its candidates", () => {
    expect(
      dialects.gemini.decodeResponse({
        candidates: [{}],
        usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 3, thoughtsTokenCount: 4 },
      }).usage,
    ).toMatchObject({ outputTokens: 7, reasoningTokens: 4 });
  });

  test("one extra chunk when asked for, none otherwise, never on the finish chunk", () => {
    const events: StreamEvent[] = [
      { type: "start", id: "x", model: "m", created: 0 },
      { type: "text-delta", choice: 0, id: "t", text: "a" },
      { type: "finish", choice: 0, finish: { reason: "stop" } },
      { type: "usage", usage: dialects["anthropic-messages"].decodeResponse({ content: [], usage }).usage! },
      { type: "end" },
    ];
    expect(JSON.stringify(written("openai-chat", events))).not.toContain("usage");
    const chunks = written("openai-chat", events, { includeUsage: true });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 140 } });
    expect(chunks.slice(0, -1).every((chunk) => chunk["usage"] === null)).toBe(true);
  });

  test("Anthropic's message_start never says 0 input tokens", () => {
    const [start] = written("anthropic-messages", [{ type: "start", id: "x", model: "m", created: 0 }]);
    expect(start).toMatchObject({ message: { usage: { input_tokens: 7 } } });
  });
});

test("11: counts have each vendor's shape", async () => {
  const { countRequest, encodeCount, readCount } = await import("./shared/count-tokens.ts");
  expect(encodeCount("anthropic-messages", 5)).toEqual({ input_tokens: 5 });
  expect(encodeCount("gemini", 5)).toEqual({ totalTokens: 5 });
  expect(encodeCount("openai-responses", 5)).toEqual({ object: "response.input_tokens", input_tokens: 5 });
  expect(readCount("gemini", { totalTokens: 9 })).toBe(9);
  expect(
    countRequest("anthropic-messages", { model: "m", max_tokens: 5, stream: true, messages: [], tools: [] }, "m"),
  ).toEqual({ model: "m", messages: [], tools: [] });
});

describe("12: system and developer", () => {
  test("both are system prompts, several, anywhere, as a string or as blocks", () => {
    const request = {
      messages: [
        { role: "system", content: "one" },
        { role: "developer", content: "two" },
        user,
        { role: "system", content: [{ type: "text", text: "three" }] },
      ],
    };
    const { body, degraded } = encode("anthropic-messages", decode("openai-chat", request));
    expect(body["system"]).toEqual(["one", "two", "three"].map((text) => ({ type: "text", text })));
    expect(degraded).toContain("messages.system_position");
    expect(translate("openai-chat", "gemini", request)["systemInstruction"]).toEqual({
      parts: ["one", "two", "three"].map((text) => ({ text })),
    });
    const plain = encode("openai-chat", decode("openai-chat", request), "m", plainTraits).body[
      "messages"
    ] as JsonObject[];
    expect(plain.map(({ role }) => role)).toEqual(["system", "system", "user", "system"]);
  });

  test("a plain-string system of Anthropic is kept; one in the middle stays there for Chat", () => {
    const request = { max_tokens: 9, system: "be kind", messages: [user, { role: "system", content: "now" }, user] };
    expect(
      (translate("anthropic-messages", "openai-chat", request)["messages"] as JsonObject[]).map(({ role, content }) => [
        role,
        content,
      ]),
    ).toEqual([
      ["system", "be kind"],
      ["user", "Hi"],
      ["system", "now"],
      ["user", "Hi"],
    ]);
  });

  test("Gemini begins with the user and alternates", () => {
    const contents = translate("openai-chat", "gemini", {
      messages: [{ role: "assistant", content: "a" }, user, user],
    })["contents"] as JsonObject[];
    expect(contents.map(({ role }) => role)).toEqual(["user", "model", "user"]);
  });
});

test('13: tool_choice, "none" included', () => {
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
  const chosen = (tool_choice: unknown, to: DialectName) =>
    translate("openai-chat", to, { messages: [user], tools, tool_choice });
  const one = { type: "function", function: { name: "f" } };
  expect(
    ["auto", "none", "required", one].map((choice) => chosen(choice, "anthropic-messages")["tool_choice"]),
  ).toEqual([{ type: "auto" }, { type: "none" }, { type: "any" }, { type: "tool", name: "f" }]);
  expect(
    ["auto", "none", "required", one].map(
      (choice) => (chosen(choice, "gemini")["toolConfig"] as JsonObject)["functionCallingConfig"],
    ),
  ).toEqual([{ mode: "AUTO" }, { mode: "NONE" }, { mode: "ANY" }, { mode: "ANY", allowedFunctionNames: ["f"] }]);
  expect(chosen(one, "openai-responses")["tool_choice"]).toEqual({ type: "function", name: "f" });
  expect(
    translate("gemini", "openai-chat", {
      contents: "x",
      tools: [{ functionDeclarations: [{ name: "f" }] }],
      toolConfig: { functionCallingConfig: { mode: "NONE" } },
    })["tool_choice"],
  ).toBe("none");
});

test("14: structured output reaches every dialect, closed where the vendor insists", () => {
  const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
  const request = {
    messages: [user],
    response_format: { type: "json_schema", json_schema: { name: "n", schema, strict: true } },
  };
  const closed = { ...schema, additionalProperties: false };
  expect(translate("openai-chat", "openai-responses", request)["text"]).toEqual({
    format: { type: "json_schema", name: "n", schema: closed, strict: true },
  });
  expect(translate("openai-chat", "anthropic-messages", request)["output_config"]).toEqual({
    format: { type: "json_schema", schema: closed },
  });
  expect(translate("openai-chat", "gemini", request)["generationConfig"]).toMatchObject({
    responseMimeType: "application/json",
    responseSchema: { type: "OBJECT", properties: { a: { type: "STRING" } }, required: ["a"] },
  });
  const loose = {
    contents: "x",
    generationConfig: {
      responseMimeType: "application/json",
      responseSchema: { type: "OBJECT", properties: { a: { type: "STRING" }, b: { type: "STRING" } }, required: ["a"] },
    },
  };
  expect(
    (translate("gemini", "openai-chat", loose)["response_format"] as JsonObject)["json_schema"],
  ).not.toHaveProperty("strict");
});

test("15: schemas are cleaned for Gemini", () => {
  const parameters = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    additionalProperties: false,
    $defs: { point: { type: "object", properties: { x: { type: "number", exclusiveMinimum: 0 } } } },
    properties: {
      kind: { const: "a" },
      at: { $ref: "#/$defs/point" },
      name: { type: ["string", "null"] },
      level: { enum: ["", "low", "high"] },
      when: { type: "string", format: "uri" },
    },
  };
  const tools = translate("openai-chat", "gemini", {
    messages: [user],
    tools: [{ type: "function", function: { name: "f", parameters } }],
  })["tools"] as JsonObject[];
  expect((tools[0]!["functionDeclarations"] as JsonObject[])[0]!["parameters"]).toEqual({
    type: "OBJECT",
    properties: {
      kind: { type: "STRING", enum: ["a"] },
      at: { type: "OBJECT", properties: { x: { type: "NUMBER", minimum: 0 } } },
      name: { type: "STRING", nullable: true },
      level: { type: "STRING", enum: ["low", "high"] },
      when: { type: "STRING" },
    },
  });
});

test("16: refusals", () => {
  const refused = completion([{ type: "refusal", text: "No." }], "refusal");
  expect((dialects["openai-chat"].encodeResponse(refused, context())["choices"] as JsonObject[])[0]).toMatchObject({
    message: { refusal: "No.", content: null },
  });
  expect(dialects["openai-responses"].encodeResponse(refused, context())["output"]).toMatchObject([
    { content: [{ type: "refusal", refusal: "No." }] },
  ]);
  expect(dialects["anthropic-messages"].encodeResponse(refused, context())).toMatchObject({
    stop_reason: "refusal",
    content: [{ text: "No." }],
  });
  const types = written("openai-responses", [
    { type: "refusal-delta", choice: 0, id: "r", text: "No." },
    { type: "end" },
  ]).map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(["response.refusal.delta", "response.refusal.done"]));
});

describe("17: parameters", () => {
  test("limits, stop words, temperature and what Anthropic must be told", () => {
    const body = translate("openai-chat", "anthropic-messages", { messages: [user], stop: "END", temperature: 1.5 });
    expect(body).toMatchObject({ max_tokens: 32_000, stop_sequences: ["END"], temperature: 1 });
    expect(
      translate("anthropic-messages", "openai-chat", { max_tokens: 5, messages: [user] })["max_completion_tokens"],
    ).toBe(5);
    expect(
      encode("openai-chat", decode("openai-chat", { messages: [user], max_completion_tokens: 5 }), "m", plainTraits)
        .body["max_tokens"],
    ).toBe(5);
  });

  test("what would change the answer's form is refused, the rest is listed", () => {
    for (const parameter of [{ n: 2 }, { logprobs: true }]) {
      expect(() => translate("openai-chat", "anthropic-messages", { messages: [user], ...parameter })).toThrow(
        GatewayError,
      );
    }
    const { degraded } = encode(
      "anthropic-messages",
      decode("openai-chat", { messages: [user], seed: 1, logit_bias: {}, frequency_penalty: 1, something_new: 1 }),
    );
    expect(degraded).toEqual(expect.arrayContaining(["seed", "logit_bias", "frequency_penalty", "something_new"]));
  });

  test("n and logprobs reach those that have them", () => {
    expect(
      translate("openai-chat", "gemini", { messages: [user], n: 2, logprobs: true, top_logprobs: 3 })[
        "generationConfig"
      ],
    ).toMatchObject({ candidateCount: 2, responseLogprobs: true, logprobs: 3 });
    const answer = dialects.gemini.decodeResponse({
      candidates: [
        {
          content: { parts: [{ text: "a" }] },
          finishReason: "STOP",
          logprobsResult: {
            chosenCandidates: [{ token: "a", logProbability: -0.1 }],
            topCandidates: [{ candidates: [{ token: "b", logProbability: -2 }] }],
          },
        },
      ],
    });
    expect(
      (dialects["openai-chat"].encodeResponse(answer, context())["choices"] as JsonObject[])[0]!["logprobs"],
    ).toMatchObject({ content: [{ token: "a", logprob: -0.1, top_logprobs: [{ token: "b", logprob: -2 }] }] });
  });
});

describe("18: errors have the caller's shape", () => {
  const limited = new GatewayError("upstream_rate_limited", "slow down", { retryAfterMs: 2000 });

  test("each vendor's status and words", () => {
    expect(dialects["openai-chat"].encodeError(limited, "r")).toEqual({
      status: 429,
      body: { error: { message: "slow down", type: "requests", param: null, code: "rate_limit_exceeded" } },
    });
    expect(dialects["anthropic-messages"].encodeError(limited, "r")).toEqual({
      status: 429,
      body: { type: "error", error: { type: "rate_limit_error", message: "slow down" }, request_id: "r" },
    });
    expect(dialects.gemini.encodeError(limited, "r")).toMatchObject({
      status: 429,
      body: { error: { code: 429, status: "RESOURCE_EXHAUSTED" } },
    });
    expect(dialects["anthropic-messages"].encodeError(new GatewayError("upstream_overloaded", "x"), "r").status).toBe(
      529,
    );
    expect(dialects["anthropic-messages"].encodeError(new GatewayError("body_too_large", "x"), "r")).toMatchObject({
      status: 413,
      body: { error: { type: "request_too_large" } },
    });
  });

  test("in a stream: an event of the dialect, with no finish before it", () => {
    const events: StreamEvent[] = [
      { type: "start", id: "x", model: "m", created: 0 },
      { type: "text-delta", choice: 0, id: "t", text: "a" },
      { type: "error", error: limited },
    ];
    const chat = written("openai-chat", events);
    expect(chat.at(-1)).toMatchObject({ error: { code: "rate_limit_exceeded" } });
    expect(JSON.stringify(chat)).not.toMatch(/"finish_reason":"/);
    expect(written("anthropic-messages", events).at(-1)).toMatchObject({
      type: "error",
      error: { type: "rate_limit_error" },
    });
    expect(written("openai-responses", events).slice(-2)).toMatchObject([
      { type: "response.failed", response: { status: "failed" } },
      { type: "error" },
    ]);
    expect(written("gemini", events).at(-1)).toMatchObject({ error: { status: "RESOURCE_EXHAUSTED" } });
  });

  test("an upstream's 401 is ours to mend, not the caller's", () => {
    for (const dialect of Object.values(dialects)) {
      expect(dialect.decodeError({ status: 401, retryAfterMs: undefined, body: "{}" })).toMatchObject({
        code: "upstream_auth_failed",
        status: 502,
      });
    }
  });
});

test("19: heartbeats", () => {
  const beat = (dialect: DialectName) => dialects[dialect].createStreamEncoder(context()).encode({ type: "heartbeat" });
  expect(beat("anthropic-messages")).toBe('event: ping\ndata: {"type": "ping"}\n\n');
  expect(beat("openai-chat")).toBe(": keep-alive\n\n");
  expect(beat("openai-responses")).toBe(": keep-alive\n\n");
  expect(beat("gemini")).toBe(": keep-alive\n\n");
});

test("20: an encoder says nothing before there is content", () => {
  for (const dialect of ["openai-chat", "gemini"] as const)
    expect(written(dialect, [{ type: "start", id: "x", model: "m", created: 0 }])).toEqual([]);
});

test("21: Responses events come in order, numbered, with stable ids", () => {
  const events = written("openai-responses", [
    { type: "start", id: "resp_1", model: "m", created: 1 },
    { type: "text-start", choice: 0, id: "t" },
    { type: "text-delta", choice: 0, id: "t", text: "a" },
    { type: "text-end", choice: 0, id: "t" },
    { type: "finish", choice: 0, finish: { reason: "stop" } },
    { type: "end" },
  ]);
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  expect(events.map(({ type }) => type)).toEqual([
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  const ids = new Set(
    events.flatMap((event) => event["item_id"] ?? (event["item"] as JsonObject | undefined)?.["id"] ?? []),
  );
  expect(ids.size).toBe(1);
});

describe("22: streaming hygiene", () => {
  test("UTF-8 and CRLF split anywhere, a byte order mark, comments, several data lines", () => {
    const text = '\uFEFF: hello\r\nevent: é\r\ndata: {"a":\r\ndata: "東🚄"}\r\n\r\ndata:x\n\ndata: cut off';
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size++) {
      const seen: string[][] = [];
      const parser = createSseParser((name, value) => seen.push([name, value]));
      for (let from = 0; from < bytes.length; from += size) parser.push(bytes.subarray(from, from + size));
      expect(seen).toEqual([
        ["é", '{"a":\n"東🚄"}'],
        ["", "x"],
      ]);
    }
  });

  test("the model's name is the one asked for", () => {
    for (const dialect of Object.keys(dialects) as DialectName[])
      expect(
        JSON.stringify(dialects[dialect].encodeResponse(completion([{ type: "text", text: "a" }]), context())),
      ).toContain("asked-for");
  });
});

describe("23: tools of Codex", () => {
  const request = {
    input: "x",
    tools: [
      {
        type: "custom",
        name: "apply_patch",
        description: "Patch",
        format: { type: "grammar", syntax: "lark", definition: "start: x" },
      },
      {
        type: "namespace",
        name: "agents",
        tools: [{ type: "function", name: "spawn", parameters: { type: "object" } }],
      },
      { type: "web_search" },
    ],
  };

  test("freeform tools become functions with one string, namespaces a prefix, and what cannot go is said", () => {
    const { body, degraded } = encode("anthropic-messages", decode("openai-responses", request));
    expect((body["tools"] as JsonObject[]).map(({ name }) => name)).toEqual(["apply_patch", "agents__spawn"]);
    expect((body["tools"] as JsonObject[])[0]!["description"]).toContain("start: x");
    expect(degraded).toContain("tools.web_search");
  });

  test("their calls come back as they were defined, free text as it streams", () => {
    const { toolNames } = encode("anthropic-messages", decode("openai-responses", request));
    const events: StreamEvent[] = [];
    const restore = restoreToolEvents(toolNames, (event) => events.push(event));
    restore({ type: "tool-input-start", choice: 0, id: "a", name: "apply_patch", kind: "function" });
    for (const delta of ['{"inp', 'ut": "a\\', "nb\\u00", 'e9"', "}"])
      restore({ type: "tool-input-delta", choice: 0, id: "a", delta });
    restore({ type: "tool-input-start", choice: 0, id: "b", name: "agents__spawn", kind: "function" });
    expect(events[0]).toMatchObject({ name: "apply_patch", kind: "custom" });
    expect(events.flatMap((event) => (event.type === "tool-input-delta" ? [event.delta] : [])).join("")).toBe("a\nbé");
    expect(events.at(-1)).toMatchObject({ name: "spawn", namespace: "agents" });
  });
});

test("1: arguments pass as they come, from every vendor that streams them", () => {
  const piecesOf: Record<string, string> = {
    "openai-chat": [
      '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\":"}}]}}]}',
      '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]}',
    ]
      .map((data) => `data: ${data}\n\n`)
      .join(""),
    "openai-responses": [
      '{"type":"response.created","response":{"id":"r","status":"in_progress","output":[]}}',
      '{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":""}}',
      '{"type":"response.function_call_arguments.delta","item_id":"fc","output_index":0,"delta":"{\\"a\\":"}',
      '{"type":"response.function_call_arguments.delta","item_id":"fc","output_index":0,"delta":"1}"}',
    ]
      .map((data) => `event: x\ndata: ${data}\n\n`)
      .join(""),
    "anthropic-messages": [
      '{"type":"message_start","message":{"id":"m","content":[]}}',
      '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"c","name":"f","input":{}}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1}"}}',
    ]
      .map((data) => `event: x\ndata: ${data}\n\n`)
      .join(""),
  };
  for (const [name, sse] of Object.entries(piecesOf)) {
    // Nothing has finished yet: what has come must have been told all the same.
    const deltas = eventsOf(name as DialectName, sse).flatMap((event) =>
      event.type === "tool-input-delta" ? [event.delta] : [],
    );
    expect({ name, deltas }).toEqual({ name, deltas: ['{"a":', "1}"] });
  }
});
