import { expect, test } from "vitest";
import { startUpstream } from "@trunkline/testkit";
import { answerFixture, requestFor, startGateway } from "./harness.ts";

test("any AI SDK package is a provider: streamed, whole, tools, embeddings, errors", async () => {
  const upstream = await startUpstream(async (request, response) => {
    if (request.path.endsWith("/embeddings")) {
      response.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({
          object: "list",
          data: [{ index: 0, embedding: [1, 0] }],
          usage: { prompt_tokens: 2, total_tokens: 2 },
        }),
      );
    } else if (String(request.body["model"]).includes("status-429"))
      response.writeHead(429, { "content-type": "application/json" }).end('{"error":{"message":"slow"}}');
    else await answerFixture(request, response);
  });
  const gateway = await startGateway({
    providers: {
      sdk: {
        kind: "ai-sdk",
        package: "@ai-sdk/anthropic",
        options: { apiKey: "k", baseURL: `${upstream.origin}/v1` },
        models: ["case-text"],
      },
      embedder: {
        kind: "ai-sdk",
        package: "@ai-sdk/openai",
        options: { apiKey: "k", baseURL: `${upstream.origin}/v1` },
      },
      missing: { kind: "ai-sdk", package: "@ai-sdk/not-installed" },
    },
  });
  for (const stream of [false, true]) {
    const { path, body } = requestFor("openai-chat", "sdk/case-tools", "Hello", stream);
    const text = await (await gateway.post(path, body)).text();
    expect(text).toContain("get_weather");
    expect(text).toContain('"finish_reason":"tool_calls"');
    expect(text).toContain('"prompt_tokens":80');
  }
  const thought = await (
    await gateway.post("/v1/messages", {
      model: "sdk/case-reasoning",
      max_tokens: 2000,
      messages: [{ role: "user", content: "x" }],
    })
  ).json();
  expect(thought).toMatchObject({
    content: [
      { type: "thinking", thinking: "Two and two. That is four." },
      { type: "text", text: "4" },
    ],
  });
  expect(await (await gateway.post("/v1/embeddings", { model: "embedder/e", input: "x" })).json()).toMatchObject({
    data: [{ embedding: [1, 0] }],
    usage: { prompt_tokens: 2 },
  });
  const limited = await gateway.post("/v1/chat/completions", {
    model: "sdk/status-429",
    messages: [{ role: "user", content: "x" }],
  });
  expect(limited.status).toBe(429);
  const health = (await (await gateway.get("/v1/health")).json()) as { providers: { name: string; reason?: string }[] };
  expect(health.providers.find(({ name }) => name === "missing")?.reason).toContain(
    "npx trunkline modules add @ai-sdk/not-installed",
  );
  await gateway.close();
  await upstream.close();
});
