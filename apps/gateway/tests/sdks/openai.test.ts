import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestGateway } from "../harness.ts";
import { pixel, startSurface, weatherSchema } from "./surface.ts";

let surface: Awaited<ReturnType<typeof startSurface>>;
let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  surface = await startSurface();
  ({ gateway } = surface);
  client = new OpenAI({ apiKey: gateway.key, baseURL: `${gateway.origin}/v1`, maxRetries: 0 });
});
afterAll(() => surface.close());

const hello = [{ role: "user" as const, content: "Hello" }];
const tools = ["get_weather", "get_time"].map((name) => ({
  type: "function" as const,
  function: { name, parameters: { ...weatherSchema } },
}));

// Every upstream dialect, through the one the client speaks.
describe.each(["u-chat", "u-responses", "u-anthropic", "u-gemini"])("openai over %s", (provider) => {
  test("chat: text and usage", async () => {
    const answer = await client.chat.completions.create({ model: `${provider}/case-text`, messages: hello });
    expect(answer.choices[0]!.message.content).toBe("Grüße from 東京 🚄!");
    expect(answer.choices[0]!.finish_reason).toBe("stop");
    expect(answer.model).toBe(`${provider}/case-text`);
    expect(answer.usage).toMatchObject({
      prompt_tokens: 1200,
      completion_tokens: 9,
      total_tokens: 1209,
      prompt_tokens_details: { cached_tokens: 1024 },
    });
  });

  test("chat: stream, with usage only when asked for", async () => {
    let text = "";
    const usages: unknown[] = [];
    for await (const chunk of await client.chat.completions.create({
      model: `${provider}/case-text`,
      messages: hello,
      stream: true,
    })) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.usage) usages.push(chunk.usage);
    }
    expect(text).toBe("Grüße from 東京 🚄!");
    expect(usages).toEqual([]);
    const last: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of await client.chat.completions.create({
      model: `${provider}/case-text`,
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    }))
      last.push(chunk);
    expect(last.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 1200, completion_tokens: 9 } });
    expect(last.at(-2)!.choices[0]!.finish_reason).toBe("stop");
  });

  test("chat: two parallel tool calls, their arguments streamed", async () => {
    const runner = client.chat.completions.stream({ model: `${provider}/case-tools`, messages: hello, tools });
    const pieces: number[] = [];
    runner.on("chunk", (chunk) => {
      for (const call of chunk.choices[0]?.delta.tool_calls ?? []) pieces.push(call.index);
    });
    const { choices } = await runner.finalChatCompletion();
    expect(choices[0]!.finish_reason).toBe("tool_calls");
    expect(
      choices[0]!.message.tool_calls?.map(
        (call) => call.type === "function" && [call.function.name, JSON.parse(call.function.arguments)],
      ),
    ).toEqual([
      ["get_weather", { city: "Zürich", unit: "c" }],
      ["get_time", { zone: "Europe/Zurich" }],
    ]);
    expect(new Set(pieces)).toEqual(new Set([0, 1]));
  });

  test("chat: reasoning", async () => {
    const { choices } = await client.chat.completions.create({
      model: `${provider}/case-reasoning`,
      messages: hello,
      reasoning_effort: "low",
    });
    expect(choices[0]!.message).toMatchObject({ content: "4", reasoning_content: "Two and two. That is four." });
  });

  test("responses: text, stream and tools", async () => {
    const answer = await client.responses.create({ model: `${provider}/case-text`, input: "Hello" });
    expect(answer.output_text).toBe("Grüße from 東京 🚄!");
    expect(answer.usage?.output_tokens_details.reasoning_tokens).toBe(0);
    const stream = client.responses.stream({
      model: `${provider}/case-tools`,
      input: "Hello",
      tools: tools.map(({ function: { name, parameters } }) => ({ type: "function", name, parameters, strict: false })),
    });
    let order = -1;
    for await (const event of stream) {
      expect(event.sequence_number).toBeGreaterThan(order);
      order = event.sequence_number;
    }
    const final = await stream.finalResponse();
    expect(
      final.output.flatMap((item) => (item.type === "function_call" ? [[item.name, JSON.parse(item.arguments)]] : [])),
    ).toEqual([
      ["get_weather", { city: "Zürich", unit: "c" }],
      ["get_time", { zone: "Europe/Zurich" }],
    ]);
  });
});

describe("openai over the echo", () => {
  const model = "trunkline/echo";

  test("an image arrives", async () => {
    const content = [
      { type: "text" as const, text: "What is this?" },
      { type: "image_url" as const, image_url: { url: `data:image/png;base64,${pixel}` } },
    ];
    const { choices } = await client.chat.completions.create({ model, messages: [{ role: "user", content }] });
    expect(choices[0]!.message.content).toBe("What is this? [received image/png]");
  });

  test("structured output follows the schema", async () => {
    const { choices } = await client.chat.completions.create({
      model,
      messages: hello,
      response_format: {
        type: "json_schema",
        json_schema: { name: "weather", strict: true, schema: { ...weatherSchema } },
      },
    });
    expect(JSON.parse(choices[0]!.message.content!)).toEqual({ city: "Hello", unit: "c" });
  });

  test("a refusal is one", async () => {
    const { choices } = await client.chat.completions.create({
      model,
      messages: [{ role: "user", content: "/echo refuse" }],
    });
    expect(choices[0]!.message.refusal).toBe("The echo was asked to refuse.");
  });

  test("embeddings, in the SDK's base64", async () => {
    const { data, usage } = await client.embeddings.create({ model, input: ["red green", "green red", "blue"] });
    expect(data).toHaveLength(3);
    expect(data[0]!.embedding).toEqual(data[1]!.embedding);
    expect(data[0]!.embedding).not.toEqual(data[2]!.embedding);
    expect(Math.hypot(...data[0]!.embedding)).toBeCloseTo(1);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
  });

  test("models", async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toContain(model);
    expect(await client.models.retrieve("trunkline/echo")).toMatchObject({
      id: model,
      object: "model",
      owned_by: "trunkline",
    });
  });

  test("responses keep a conversation, hand it out, and forget it", async () => {
    const first = await client.responses.create({ model, input: "My name is Ada." });
    const second = await client.responses.create({ model, input: "And mine is Bob.", previous_response_id: first.id });
    const items = await client.responses.inputItems.list(second.id);
    expect(JSON.stringify(items.data)).toContain("My name is Ada.");
    expect((await client.responses.retrieve(first.id)).output_text).toBe("My name is Ada.");
    await client.responses.delete(first.id);
    await expect(client.responses.retrieve(first.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(
      client.responses.create({ model, input: "Again.", previous_response_id: first.id }),
    ).rejects.toMatchObject({ status: 400, param: "previous_response_id" });
    const streamed = client.responses.stream({ model, input: "I was streamed." });
    const { id } = await streamed.finalResponse();
    expect((await client.responses.retrieve(id)).output_text).toBe("I was streamed.");
    const unstored = await client.responses.create({ model, input: "Secret.", store: false });
    await expect(client.responses.retrieve(unstored.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  test("counting input tokens", async () => {
    const { input_tokens } = await client.responses.inputTokens.count({ model, input: "Hello, how are you?" });
    expect(input_tokens).toBeGreaterThan(3);
  });

  test("custom tools take free text", async () => {
    const answer = await client.responses.create({
      model,
      input: "print(1)",
      tools: [{ type: "custom", name: "python" }],
      tool_choice: { type: "custom", name: "python" },
    });
    expect(answer.output).toMatchObject([{ type: "custom_tool_call", name: "python", input: "print(1)" }]);
  });
});

describe("openai: errors are its own", () => {
  const ask = (model: string, key = gateway.key) =>
    new OpenAI({ apiKey: key, baseURL: `${gateway.origin}/v1`, maxRetries: 0 }).chat.completions.create({
      model,
      messages: hello,
    });

  test.each([
    ["u-anthropic/status-400", OpenAI.BadRequestError],
    ["u-anthropic/status-404", OpenAI.NotFoundError],
    ["u-anthropic/status-429", OpenAI.RateLimitError],
    ["u-anthropic/status-500", OpenAI.InternalServerError],
    ["u-anthropic/status-529", OpenAI.InternalServerError],
    ["no-such-model", OpenAI.NotFoundError],
  ] as const)("%s", async (model, type) => {
    await expect(ask(model)).rejects.toBeInstanceOf(type);
  });

  test("an upstream's 401 is not the caller's", async () => {
    await expect(ask("u-anthropic/status-401")).rejects.toMatchObject({ status: 502, code: "upstream_auth_failed" });
  });

  test("a wrong key, a revoked one, one not allowed, one too many", async () => {
    await expect(ask("trunkline/echo", "tl-wrong")).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    const revoked = await gateway.makeKey({ name: "revoked" });
    await gateway.started.gateway.store.keys.update(revoked.id, { active: false });
    await expect(ask("trunkline/echo", revoked.secret)).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    const narrow = await gateway.makeKey({ name: "narrow", models: ["gpt-*"] });
    await expect(ask("trunkline/echo", narrow.secret)).rejects.toMatchObject({
      status: 403,
      code: "model_not_allowed",
    });
    const single = await gateway.makeKey({ name: "single", rpm: 1 });
    await ask("trunkline/echo", single.secret);
    const refused = await ask("trunkline/echo", single.secret).catch(
      (error: unknown) => error as InstanceType<typeof OpenAI.RateLimitError>,
    );
    expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
    expect((refused as InstanceType<typeof OpenAI.RateLimitError>).headers?.get("retry-after-ms")).toMatch(/^\d+$/);
  });

  test("in the middle of a stream", async () => {
    const stream = await client.chat.completions.create({
      model: "trunkline/echo",
      messages: [{ role: "user", content: "/echo end=early words=20" }],
      stream: true,
    });
    await expect(
      (async () => {
        for await (const _chunk of stream);
      })(),
    ).rejects.toBeInstanceOf(OpenAI.APIError);
    const responses = await client.responses.create({
      model: "trunkline/echo",
      input: "/echo end=early words=20",
      stream: true,
    });
    const types: string[] = [];
    await expect(
      (async () => {
        for await (const event of responses) types.push(event.type);
      })(),
    ).rejects.toBeInstanceOf(OpenAI.APIError);
    expect(types.at(-1)).toBe("response.failed");
  });

  test("an abort reaches the upstream and is recorded", async () => {
    const controller = new AbortController();
    const aborted = surface.upstream.nextAbort();
    const pending = client.chat.completions.create(
      { model: "u-chat/hang", messages: hello },
      { signal: controller.signal },
    );
    while (!surface.upstream.received.some(({ body }) => body["model"] === "hang"))
      await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(pending).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await aborted;
  });

  test("a gateway that is not there", async () => {
    const nowhere = new OpenAI({ apiKey: "x", baseURL: "http://127.0.0.1:1/v1", maxRetries: 0 });
    await expect(nowhere.models.list()).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
  });
});
