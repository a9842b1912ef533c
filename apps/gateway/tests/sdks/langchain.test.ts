import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pixel, startSurface, weatherSchema } from "./surface.ts";

let surface: Awaited<ReturnType<typeof startSurface>>;
beforeAll(async () => {
  surface = await startSurface();
});
afterAll(() => surface.close());

function chat(model: string): ChatOpenAI {
  return new ChatOpenAI({
    model,
    apiKey: surface.gateway.key,
    configuration: { baseURL: `${surface.gateway.origin}/v1` },
    maxRetries: 0,
  });
}

test.each(["u-chat", "u-responses", "u-anthropic", "u-gemini"])("langchain over %s", async (provider) => {
  const answer = await chat(`${provider}/case-text`).invoke([new HumanMessage("Hello")]);
  expect(answer.text).toBe("Grüße from 東京 🚄!");
  let text = "";
  for await (const chunk of await chat(`${provider}/case-text`).stream("Hello")) text += chunk.text;
  expect(text).toBe("Grüße from 東京 🚄!");
  const tools = ["get_weather", "get_time"].map((name) => ({
    type: "function" as const,
    function: { name, parameters: { ...weatherSchema } },
  }));
  const called = await chat(`${provider}/case-tools`).bindTools(tools).invoke("Hello");
  expect(called.tool_calls?.map(({ name, args }) => [name, args])).toEqual([
    ["get_weather", { city: "Zürich", unit: "c" }],
    ["get_time", { zone: "Europe/Zurich" }],
  ]);
});

test("an image, reasoning, an abort", async () => {
  const image = new HumanMessage({
    content: [
      { type: "text", text: "See" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } },
    ],
  });
  expect((await chat("trunkline/echo").invoke([image])).text).toBe("See [received image/png]");
  const thought = await chat("u-anthropic/case-reasoning").invoke("Hello", { reasoning: { effort: "low" } } as object);
  expect(thought.text).toBe("4");
  const controller = new AbortController();
  const stream = await chat("trunkline/echo").stream("/echo delay=20 words=1000", { signal: controller.signal });
  await expect(
    (async () => {
      for await (const _chunk of stream) controller.abort();
    })(),
  ).rejects.toThrow();
});

test("structured output, embeddings, errors", async () => {
  const structured = chat("trunkline/echo").withStructuredOutput(
    { ...weatherSchema, title: "weather" },
    { method: "jsonSchema" },
  );
  expect(await structured.invoke("Hello")).toEqual({ city: "Hello", unit: "c" });
  const embeddings = new OpenAIEmbeddings({
    model: "trunkline/echo",
    apiKey: surface.gateway.key,
    configuration: { baseURL: `${surface.gateway.origin}/v1` },
  });
  expect(await embeddings.embedDocuments(["red", "blue"])).toHaveLength(2);
  await expect(chat("no-such-model").invoke("Hello")).rejects.toMatchObject({ status: 404 });
  await expect(chat("u-chat/status-429").invoke("Hello")).rejects.toMatchObject({ status: 429 });
});
