import { ApiError, FunctionCallingConfigMode, GoogleGenAI, type GenerateContentResponse } from "@google/genai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestGateway } from "../harness.ts";
import { pixel, startSurface, weatherSchema } from "./surface.ts";

let surface: Awaited<ReturnType<typeof startSurface>>;
let gateway: TestGateway;
let client: GoogleGenAI;

beforeAll(async () => {
  surface = await startSurface();
  ({ gateway } = surface);
  client = new GoogleGenAI({ apiKey: gateway.key, httpOptions: { baseUrl: gateway.origin } });
});
afterAll(() => surface.close());

const contents = "Hello";
const tools = [
  { functionDeclarations: ["get_weather", "get_time"].map((name) => ({ name, parametersJsonSchema: weatherSchema })) },
];

describe.each(["u-chat", "u-responses", "u-anthropic", "u-gemini"])("google over %s", (provider) => {
  test("text and usage", async () => {
    const answer = await client.models.generateContent({ model: `${provider}/case-text`, contents });
    expect(answer.text).toBe("Grüße from 東京 🚄!");
    expect(answer.candidates?.[0]?.finishReason).toBe("STOP");
    expect(answer.usageMetadata).toMatchObject({
      promptTokenCount: 1200,
      candidatesTokenCount: 9,
      cachedContentTokenCount: 1024,
    });
  });

  test("stream", async () => {
    let text = "";
    let last: GenerateContentResponse | undefined;
    for await (const chunk of await client.models.generateContentStream({ model: `${provider}/case-text`, contents })) {
      text += chunk.text ?? "";
      last = chunk;
    }
    expect(text).toBe("Grüße from 東京 🚄!");
    expect(last?.candidates?.[0]?.finishReason).toBe("STOP");
  });

  test("two parallel function calls", async () => {
    const answer = await client.models.generateContent({
      model: `${provider}/case-tools`,
      contents,
      config: { tools },
    });
    expect(answer.functionCalls?.map(({ name, args }) => [name, args])).toEqual([
      ["get_weather", { city: "Zürich", unit: "c" }],
      ["get_time", { zone: "Europe/Zurich" }],
    ]);
  });

  test("thoughts", async () => {
    const answer = await client.models.generateContent({
      model: `${provider}/case-reasoning`,
      contents,
      config: { thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } },
    });
    const thoughts = answer.candidates![0]!.content!.parts!.filter((part) => part.thought).map((part) => part.text);
    expect(thoughts.join("")).toBe("Two and two. That is four.");
    expect(answer.text).toBe("4");
  });
});

describe("google over the echo", () => {
  const model = "trunkline/echo";

  test("an image, a forced call and its result", async () => {
    const seen = await client.models.generateContent({
      model,
      contents: [{ text: "What is this?" }, { inlineData: { mimeType: "image/png", data: pixel } }],
    });
    expect(seen.text).toBe("What is this? [received image/png]");
    const config = {
      tools,
      toolConfig: {
        functionCallingConfig: { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ["get_time"] },
      },
    };
    const first = await client.models.generateContent({ model, contents, config });
    expect(first.functionCalls?.[0]?.name).toBe("get_time");
    const second = await client.models.generateContent({
      model,
      config: { tools },
      contents: [
        { role: "user", parts: [{ text: contents }] },
        first.candidates![0]!.content!,
        { role: "user", parts: [{ functionResponse: { name: "get_time", response: { output: "12:00" } } }] },
      ],
    });
    expect(second.text).toBe("The tools answered: 12:00");
  });

  test("structured output", async () => {
    const answer = await client.models.generateContent({
      model,
      contents,
      config: { responseMimeType: "application/json", responseJsonSchema: weatherSchema },
    });
    expect(JSON.parse(answer.text!)).toEqual({ city: "Hello", unit: "c" });
  });

  test("embeddings, counting, models", async () => {
    const { embeddings } = await client.models.embedContent({ model, contents: ["red", "blue"] });
    expect(embeddings).toHaveLength(2);
    expect((await client.models.countTokens({ model, contents })).totalTokens).toBeGreaterThan(0);
    const names: (string | undefined)[] = [];
    for await (const entry of await client.models.list()) names.push(entry.name);
    expect(names).toContain("models/trunkline/echo");
  });
});

describe("google: errors are its own", () => {
  const ask = (model: string, key = gateway.key) =>
    new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.origin } }).models.generateContent({
      model,
      contents,
    });

  test.each([
    ["u-chat/status-400", 400],
    ["u-chat/status-404", 404],
    ["u-chat/status-429", 429],
    ["u-chat/status-500", 502],
    ["u-chat/status-401", 502],
    ["no-such-model", 404],
  ])("%s is ApiError %i", async (model, status) => {
    const error = await ask(model).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).status).toBe(status);
  });

  test("a wrong key", async () => {
    await expect(ask("trunkline/echo", "tl-wrong")).rejects.toMatchObject({ status: 401 });
  });

  test("an abort", async () => {
    const controller = new AbortController();
    const stream = await client.models.generateContentStream({
      model: "trunkline/echo",
      contents: "/echo delay=20 words=1000",
      config: { abortSignal: controller.signal },
    });
    await expect(
      (async () => {
        for await (const _chunk of stream) controller.abort();
      })(),
    ).rejects.toThrow();
  });
});
