import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embedMany, generateText, jsonSchema, Output, streamText, tool, type LanguageModel } from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestGateway } from "../harness.ts";
import { pixel, startSurface, weatherSchema } from "./surface.ts";

// The SDK warns of model names it does not know; none here is one it could.
globalThis.AI_SDK_LOG_WARNINGS = false;

let surface: Awaited<ReturnType<typeof startSurface>>;
let gateway: TestGateway;

beforeAll(async () => {
  surface = await startSurface();
  ({ gateway } = surface);
});
afterAll(() => surface.close());

const makers: Readonly<Record<string, (model: string) => LanguageModel>> = {
  "@ai-sdk/openai responses": (model) => createOpenAI({ apiKey: gateway.key, baseURL: `${gateway.origin}/v1` })(model),
  "@ai-sdk/openai chat": (model) => createOpenAI({ apiKey: gateway.key, baseURL: `${gateway.origin}/v1` }).chat(model),
  "@ai-sdk/anthropic": (model) => createAnthropic({ apiKey: gateway.key, baseURL: `${gateway.origin}/v1` })(model),
  "@ai-sdk/google": (model) =>
    createGoogleGenerativeAI({ apiKey: gateway.key, baseURL: `${gateway.origin}/v1beta` })(model),
};

const tools = Object.fromEntries(
  ["get_weather", "get_time"].map((name) => [
    name,
    tool({ inputSchema: jsonSchema<object>({ ...weatherSchema, required: [...weatherSchema.required] }) }),
  ]),
);
const quiet = { maxRetries: 0 };

describe.each(Object.keys(makers))("ai with %s", (name) => {
  const make = makers[name]!;

  describe.each(["u-chat", "u-responses", "u-anthropic", "u-gemini"])("over %s", (provider) => {
    test("text, stream, tools, reasoning", async () => {
      const whole = await generateText({ model: make(`${provider}/case-text`), prompt: "Hello", ...quiet });
      expect(whole.text).toBe("Grüße from 東京 🚄!");
      expect(whole.usage).toMatchObject({ inputTokens: 1200, outputTokens: 9 });
      const streamed = streamText({ model: make(`${provider}/case-text`), prompt: "Hello", ...quiet });
      expect(await streamed.text).toBe("Grüße from 東京 🚄!");
      const called = streamText({ model: make(`${provider}/case-tools`), prompt: "Hello", tools, ...quiet });
      expect((await called.toolCalls).map((call) => [call.toolName, call.input])).toEqual([
        ["get_weather", { city: "Zürich", unit: "c" }],
        ["get_time", { zone: "Europe/Zurich" }],
      ]);
      expect(await called.finishReason).toBe("tool-calls");
      const thought = await generateText({ model: make(`${provider}/case-reasoning`), prompt: "Hello", ...quiet });
      expect(thought.text).toBe("4");
    });
  });

  test("an image and structured output", async () => {
    const content = [
      { type: "text" as const, text: "See" },
      { type: "file" as const, data: pixel, mediaType: "image/png" },
    ];
    const seen = await generateText({ model: make("trunkline/echo"), messages: [{ role: "user", content }], ...quiet });
    expect(seen.text).toBe("See [received image/png]");
    const { output } = await generateText({
      model: make("trunkline/echo"),
      prompt: "Hello",
      output: Output.object({
        schema: jsonSchema<object>({ ...weatherSchema, required: [...weatherSchema.required] }),
      }),
      ...quiet,
    });
    expect(output).toEqual({ city: "Hello", unit: "c" });
  });

  test("an abort", async () => {
    const controller = new AbortController();
    const stream = streamText({
      model: make("trunkline/echo"),
      prompt: "/echo delay=20 words=1000",
      abortSignal: controller.signal,
      onError: () => {},
      ...quiet,
    });
    const types: string[] = [];
    for await (const part of stream.stream) {
      types.push(part.type);
      if (part.type === "text-delta") controller.abort();
    }
    expect(types.at(-1)).toBe("abort");
  });

  test("errors", async () => {
    for (const [model, status] of [
      ["u-chat/status-429", 429],
      ["u-chat/status-400", 400],
      ["no-such-model", 404],
    ] as const) {
      const error = await generateText({ model: make(model), prompt: "Hello", ...quiet }).catch(
        (thrown: unknown) => thrown,
      );
      expect(APICallError.isInstance(error)).toBe(true);
      expect((error as APICallError).statusCode).toBe(status);
    }
  });
});

test("embeddings", async () => {
  const openai = createOpenAI({ apiKey: gateway.key, baseURL: `${gateway.origin}/v1` });
  const google = createGoogleGenerativeAI({ apiKey: gateway.key, baseURL: `${gateway.origin}/v1beta` });
  for (const model of [openai.embeddingModel("trunkline/echo"), google.embeddingModel("trunkline/echo")]) {
    const { embeddings } = await embedMany({ model, values: ["red", "blue"], ...quiet });
    expect(embeddings).toHaveLength(2);
  }
});
