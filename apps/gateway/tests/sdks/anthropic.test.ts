import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestGateway } from "../harness.ts";
import { pixel, startSurface, weatherSchema } from "./surface.ts";

let surface: Awaited<ReturnType<typeof startSurface>>;
let gateway: TestGateway;
let client: Anthropic;

beforeAll(async () => {
  surface = await startSurface();
  ({ gateway } = surface);
  client = new Anthropic({ apiKey: gateway.key, baseURL: gateway.origin, maxRetries: 0 });
});
afterAll(() => surface.close());

const messages = [{ role: "user" as const, content: "Hello" }];
const max_tokens = 1000;
const tools = ["get_weather", "get_time"].map((name) => ({
  name,
  input_schema: { ...weatherSchema, required: [...weatherSchema.required] },
}));
const textOf = (content: Anthropic.ContentBlock[]) =>
  content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");

describe.each(["u-chat", "u-responses", "u-anthropic", "u-gemini"])("anthropic over %s", (provider) => {
  test("text and usage: what the cache gave is counted apart", async () => {
    const answer = await client.messages.create({ model: `${provider}/case-text`, max_tokens, messages });
    expect(textOf(answer.content)).toBe("Grüße from 東京 🚄!");
    expect(answer).toMatchObject({
      stop_reason: "end_turn",
      model: `${provider}/case-text`,
      usage: { input_tokens: 176, cache_read_input_tokens: 1024, output_tokens: 9 },
    });
  });

  test("stream: the input's size is there from the beginning", async () => {
    const stream = client.messages.stream({ model: `${provider}/case-text`, max_tokens, messages });
    let early = 0;
    stream.on("streamEvent", (event) => {
      if (event.type === "message_start") early = event.message.usage.input_tokens;
    });
    const final = await stream.finalMessage();
    expect(textOf(final.content)).toBe("Grüße from 東京 🚄!");
    expect(early).toBeGreaterThan(0);
    expect(final.usage).toMatchObject({ output_tokens: 9, cache_read_input_tokens: 1024 });
  });

  test("two parallel tool calls, their input streamed", async () => {
    const stream = client.messages.stream({ model: `${provider}/case-tools`, max_tokens, messages, tools });
    const inputs: string[] = [];
    stream.on("inputJson", (delta) => inputs.push(delta));
    const final = await stream.finalMessage();
    expect(final.stop_reason).toBe("tool_use");
    expect(final.content.flatMap((block) => (block.type === "tool_use" ? [[block.name, block.input]] : []))).toEqual([
      ["get_weather", { city: "Zürich", unit: "c" }],
      ["get_time", { zone: "Europe/Zurich" }],
    ]);
    expect(inputs.length).toBeGreaterThanOrEqual(2);
  });

  test("thinking", async () => {
    const answer = await client.messages.create({
      model: `${provider}/case-reasoning`,
      max_tokens: 4000,
      messages,
      thinking: { type: "enabled", budget_tokens: 1024 },
    });
    expect(answer.content[0]).toMatchObject({ type: "thinking", thinking: "Two and two. That is four." });
    expect(textOf(answer.content)).toBe("4");
  });
});

describe("anthropic over the echo", () => {
  const model = "trunkline/echo";

  test("an image and a document arrive", async () => {
    const content: Anthropic.ContentBlockParam[] = [
      { type: "text", text: "Read these" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } },
      { type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0xLjQK" } },
    ];
    const answer = await client.messages.create({ model, max_tokens, messages: [{ role: "user", content }] });
    expect(textOf(answer.content)).toBe("Read these [received image/png, application/pdf]");
  });

  test("a tool's call and its result", async () => {
    const first = await client.messages.create({ model, max_tokens, messages, tools, tool_choice: { type: "any" } });
    const call = first.content.find((block) => block.type === "tool_use")!;
    const second = await client.messages.create({
      model,
      max_tokens,
      tools,
      messages: [
        ...messages,
        { role: "assistant", content: first.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "21 °C" }] },
      ],
    });
    expect(textOf(second.content)).toBe("The tools answered: 21 °C");
    const none = await client.messages.create({ model, max_tokens, messages, tools, tool_choice: { type: "none" } });
    expect(none.stop_reason).toBe("end_turn");
  });

  test("structured output", async () => {
    const answer = await client.messages.create({
      model,
      max_tokens,
      messages,
      output_config: { format: { type: "json_schema", schema: { ...weatherSchema } } },
    });
    expect(JSON.parse(textOf(answer.content))).toEqual({ city: "Hello", unit: "c" });
  });

  test("models and counting", async () => {
    const page = await client.models.list();
    expect(page.data.map(({ id }) => id)).toContain(model);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, type: "model" });
    expect((await client.messages.countTokens({ model, messages })).input_tokens).toBeGreaterThan(0);
  });

  test("the older header and version", async () => {
    const answer = await fetch(`${gateway.origin}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": gateway.key, "anthropic-version": "2023-06-01", "content-type": "application/json" },
      body: JSON.stringify({ model, max_tokens, messages }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("request-id")).toMatch(/^req_/);
  });
});

describe("anthropic: errors are its own", () => {
  const ask = (model: string, key = gateway.key) =>
    new Anthropic({ apiKey: key, baseURL: gateway.origin, maxRetries: 0 }).messages.create({
      model,
      max_tokens,
      messages,
    });

  test.each([
    ["u-chat/status-400", Anthropic.BadRequestError],
    ["u-chat/status-404", Anthropic.NotFoundError],
    ["u-chat/status-429", Anthropic.RateLimitError],
    ["u-chat/status-500", Anthropic.InternalServerError],
    ["u-chat/status-503", Anthropic.InternalServerError],
    ["no-such-model", Anthropic.NotFoundError],
  ] as const)("%s", async (model, type) => {
    await expect(ask(model)).rejects.toBeInstanceOf(type);
  });

  test("an overload is 529, a wrong key 401, another model 403", async () => {
    await expect(ask("u-chat/status-503")).rejects.toMatchObject({
      status: 529,
      error: { error: { type: "overloaded_error" } },
    });
    await expect(ask("trunkline/echo", "tl-wrong")).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    const narrow = await gateway.makeKey({ name: "narrow", models: ["claude-*"] });
    await expect(ask("trunkline/echo", narrow.secret)).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
  });

  test("in the middle of a stream", async () => {
    const stream = client.messages.stream({
      model: "trunkline/echo",
      max_tokens,
      messages: [{ role: "user", content: "/echo end=early words=20" }],
    });
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIError);
  });

  test("an abort", async () => {
    const stream = client.messages.stream({
      model: "trunkline/echo",
      max_tokens,
      messages: [{ role: "user", content: "/echo delay=20 words=1000" }],
    });
    stream.on("text", () => stream.abort());
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError);
  });
});
