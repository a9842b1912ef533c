import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { fixtures, sendJson, sendSse, startUpstream } from "@trunkline/testkit";
import { describe, expect, test } from "vitest";
import { discoverLocal } from "../src/config/discover.ts";
import { fourProviders, requestFor, startGateway, startPair } from "./harness.ts";

const chat = (model: string, more: object = {}) => ({ model, messages: [{ role: "user", content: "Hello" }], ...more });

describe("timeouts", () => {
  const withTimeouts = async (timeouts: object, behaviour: Parameters<typeof startUpstream>[0]) => {
    const upstream = await startUpstream(behaviour);
    const gateway = await startGateway({
      providers: { slow: { preset: "openai-compatible", base_url: `${upstream.origin}/v1`, timeouts } },
    });
    const response = await gateway.post("/v1/chat/completions", chat("slow/x", { stream: true }));
    const text = await response.text();
    await gateway.close();
    await upstream.close();
    return { status: response.status, text };
  };

  test("no first byte", async () => {
    const { status, text } = await withTimeouts({ first_byte_seconds: 0.2 }, () => {});
    expect([status, text]).toEqual([504, expect.stringContaining("did not begin to answer in time") as string]);
  });

  test("silence in the middle is an error inside the stream", async () => {
    const { status, text } = await withTimeouts({ idle_seconds: 0.2 }, (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(fixtures["openai-chat"].text.sse.slice(0, 700));
    });
    expect(status).toBe(200);
    expect(text).toContain("went silent");
  });

  test("the whole request", async () => {
    const { status, text } = await withTimeouts({ total_seconds: 0.2 }, () => {});
    expect([status, text]).toEqual([504, expect.stringContaining("total time") as string]);
  });

  test("a connection that cannot be made is tried three times, and every try is in the trace", async () => {
    const gateway = await startGateway({
      providers: { gone: { preset: "openai-compatible", base_url: "http://127.0.0.1:1/v1" } },
    });
    const response = await gateway.post("/v1/chat/completions", chat("gone/x"));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      error: { code: "upstream_unreachable", message: "The provider 'gone' refused the connection." },
    });
    const attempts = () =>
      gateway.started.gateway.store.database
        .selectFrom("attempts")
        .select(["number", "error"])
        .orderBy("number")
        .execute();
    await expect.poll(attempts).toEqual([1, 2, 3].map((number) => ({ number, error: "upstream_unreachable" })));
    await gateway.close();
  });
});

test("calls go through HTTP_PROXY, unless NO_PROXY says otherwise", async () => {
  const seen: string[] = [];
  const proxy = createServer((message: IncomingMessage, response: ServerResponse) => {
    seen.push(message.url!);
    message.pipe(
      httpRequest(message.url!, { method: message.method!, headers: message.headers }, (answer) =>
        answer.pipe(response.writeHead(answer.statusCode!, answer.headers)),
      ),
    );
  });
  proxy.on("connect", (message: IncomingMessage, socket: Socket) => {
    seen.push(message.url!);
    const [host, port] = message.url!.split(":");
    const target = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
    target.on("error", () => socket.destroy());
    socket.on("error", () => target.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const upstream = await startUpstream((_request, response) =>
    sendJson(response, 200, fixtures["openai-chat"].text.json),
  );
  const ask = async (environment: Record<string, string>) => {
    const gateway = await startGateway({ providers: fourProviders(upstream.origin) }, environment);
    const { status } = await gateway.post("/v1/chat/completions", chat("u-chat/x"));
    await gateway.close();
    return status;
  };
  expect(await ask({ HTTP_PROXY: address })).toBe(200);
  expect(seen).toHaveLength(1);
  expect(await ask({ HTTP_PROXY: address, NO_PROXY: "127.0.0.1" })).toBe(200);
  expect(seen).toHaveLength(1);
  await upstream.close();
  proxy.closeAllConnections();
  proxy.close();
});

test("a response its provider keeps is asked for there, and continued there only", async () => {
  const { gateway, upstream, close } = await startPair(({ method, path, stream }, response) => {
    if (method === "GET") return sendJson(response, 200, { kept: path });
    if (method === "DELETE") return sendJson(response, 200, { deleted: true });
    if (stream) return sendSse(response, fixtures["openai-responses"].text.sse);
    sendJson(
      response,
      200,
      path.includes("messages") ? fixtures["anthropic-messages"].text.json : fixtures["openai-responses"].text.json,
    );
  });
  const made = (await (await gateway.post("/v1/responses", { model: "u-responses/x", input: "Hello" })).json()) as {
    id: string;
  };
  expect(await (await gateway.get(`/v1/responses/${made.id}`)).json()).toEqual({ kept: `/v1/responses/${made.id}` });
  await (
    await gateway.post("/v1/responses", { model: "u-responses/x", input: "More", previous_response_id: made.id })
  ).text();
  expect(upstream.received.at(-1)!.body["previous_response_id"]).toBe(made.id);
  const elsewhere = await gateway.post("/v1/responses", {
    model: "u-anthropic/x",
    input: "More",
    previous_response_id: made.id,
  });
  expect(elsewhere.status).toBe(400);
  expect(await elsewhere.text()).toContain("u-responses");
  const stranger = await gateway.makeKey({ name: "stranger" });
  expect((await gateway.get(`/v1/responses/${made.id}`, { authorization: `Bearer ${stranger.secret}` })).status).toBe(
    404,
  );
  expect(
    (
      await fetch(`${gateway.origin}/v1/responses/${made.id}`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${gateway.key}` },
      })
    ).status,
  ).toBe(200);
  expect((await gateway.get(`/v1/responses/${made.id}`)).status).toBe(404);
  await close();
});

test("what a client writes never breaks a header", async () => {
  const { gateway, close } = await startPair();
  const strange = {
    ["x".repeat(5000)]: 1,
    "línea\r\nset-cookie: a=b": 1,
    ...Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`member_${index}`, 1])),
  };
  const response = await gateway.post("/v1/chat/completions", chat("u-anthropic/名前 🚄", strange));
  expect(response.status).toBe(200);
  expect(decodeURIComponent(response.headers.get("x-trunkline-model")!)).toBe("名前 🚄");
  expect(response.headers.get("x-trunkline-degraded")!.length).toBeLessThan(2500);
  expect(response.headers.get("set-cookie")).toBeNull();
  await close();
});

test("nesting without end is the client's mistake", async () => {
  const { gateway, close } = await startPair();
  const deep = `{"model":"u-gemini/x","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":${'{"properties":{"a":'.repeat(20_000)}{}${"}}".repeat(20_000)}}}]}`;
  const response = await gateway.post("/v1/chat/completions", deep);
  expect(response.status).toBeLessThan(500);
  await response.text();
  await close();
});

test("a vendor's own way of speaking Chat is met without losing what it understands", async () => {
  const upstream = await startUpstream((_request, response) =>
    sendJson(response, 200, fixtures["openai-chat"].text.json),
  );
  const gateway = await startGateway({
    providers: {
      mistral: { base_url: `${upstream.origin}/v1`, api_key: "m" },
      ollama: { base_url: `${upstream.origin}/v1` },
    },
  });
  await (
    await gateway.post("/v1/chat/completions", {
      model: "mistral/m",
      max_completion_tokens: 5,
      seed: 1,
      messages: [
        { role: "developer", content: "be kind" },
        { role: "user", content: "x" },
      ],
    })
  ).text();
  expect(upstream.received[0]!.body).toEqual({
    model: "m",
    max_tokens: 5,
    messages: [
      { role: "system", content: "be kind" },
      { role: "user", content: "x" },
    ],
  });
  // Nothing to adapt: an unknown member passes through.
  await (await gateway.post("/v1/chat/completions", chat("ollama/m", { keep_alive: "5m" }))).text();
  expect(upstream.received[1]!.body).toEqual(chat("m", { keep_alive: "5m" }));
  await gateway.close();
  await upstream.close();
});

test("only a server that lists models is taken for one", async () => {
  const server = createServer((_message, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  );
  const listening = await new Promise<boolean>((resolve) =>
    server.once("error", () => resolve(false)).listen(8080, "127.0.0.1", () => resolve(true)),
  );
  const found = await discoverLocal();
  if (listening) expect(found.map(({ name }) => name)).not.toContain("llama.cpp");
  server.close();
});

test("an answer to each dialect has its own shape of the same refusal to count or embed", async () => {
  const { gateway, close } = await startPair();
  const { path, body } = requestFor("anthropic-messages", "u-chat/x", "Hello", false);
  const counted = await gateway.post(`${path}/count_tokens`, body);
  expect(await counted.json()).toEqual({ input_tokens: expect.any(Number) as number });
  expect(counted.headers.get("x-trunkline-degraded")).toBe("token_count.estimated");
  const embedded = await gateway.post("/v1/embeddings", { model: "u-anthropic/x", input: "x" });
  expect(embedded.status).toBe(400);
  await close();
});

test("an answer nobody can read is the provider's fault, in the client's words", async () => {
  const { gateway, close } = await startPair(({ dialect }, response) => {
    const unreadable = {
      "anthropic-messages": { content: [{ type: "tool_use" }] },
      gemini: { candidates: [] },
      "openai-chat": { choices: [{ message: { tool_calls: [{}] } }] },
      "openai-responses": { output: [{ type: "function_call" }] },
    };
    sendJson(response, 200, unreadable[dialect!]);
  });
  for (const [provider, path] of [
    ["u-anthropic", "/v1/chat/completions"],
    ["u-gemini", "/v1/chat/completions"],
    ["u-responses", "/v1/chat/completions"],
    ["u-chat", "/v1/messages"],
  ]) {
    const response = await gateway.post(path!, chat(`${provider}/x`, { max_tokens: 9 }));
    expect([provider, response.status]).toEqual([provider, 502]);
    await response.text();
  }
  await close();
});

test("24: a credential of the operator's that an upstream quotes back is removed, also from its own error body", async () => {
  const quoting: Parameters<typeof startPair>[0] = ({ headers }, response) =>
    sendJson(response, 400, {
      type: "error",
      error: { type: "invalid_request_error", message: `bad header ${String(headers["x-api-key"])}` },
    });
  const { gateway, close } = await startPair(quoting);
  for (const dialect of ["anthropic-messages", "openai-chat", "openai-responses", "gemini"] as const) {
    const { path, body } = requestFor(dialect, "u-anthropic/x", "Hello", false);
    const response = await gateway.post(path, body);
    expect(response.status).toBe(400);
    const text = await response.text();
    expect(text).toContain("bad header [redacted]");
    expect(text).not.toContain("up-anthropic");
  }
  const attempts = await gateway.started.gateway.store.database.selectFrom("attempts").selectAll().execute();
  expect(JSON.stringify(attempts)).not.toContain("up-anthropic");
  await close();
});

test("counts and embeddings are asked of providers that speak another dialect", async () => {
  const { gateway, upstream, close } = await startPair(({ path, body }, response) => {
    if (path.includes(":countTokens")) return sendJson(response, 200, { totalTokens: 31 });
    if (path.endsWith("/count_tokens")) return sendJson(response, 200, { input_tokens: 32 });
    if (path.endsWith("/input_tokens"))
      return sendJson(response, 200, { object: "response.input_tokens", input_tokens: 33 });
    if (path.includes(":batchEmbedContents"))
      return sendJson(response, 200, {
        embeddings: (body["requests"] as unknown[]).map(() => ({ values: [0.5, 0.25] })),
      });
    if (path.endsWith("/embeddings"))
      return sendJson(response, 200, {
        data: (body["input"] as string[]).map((_, index) => ({ index, embedding: [0.5, 0.25] })),
        usage: { prompt_tokens: 4 },
      });
    sendJson(response, 404, {});
  });
  const messages = { max_tokens: 9, system: "be kind", messages: [{ role: "user", content: "Hello" }] };
  const count = async (model: string) =>
    (await gateway.post("/v1/messages/count_tokens", { model, ...messages })).json();
  expect(await count("u-gemini/x")).toEqual({ input_tokens: 31 });
  expect(upstream.received.at(-1)!.body).toMatchObject({
    generateContentRequest: { model: "models/x", systemInstruction: { parts: [{ text: "be kind" }] } },
  });
  expect(await count("u-anthropic/x")).toEqual({ input_tokens: 32 });
  expect(await count("u-responses/x")).toEqual({ input_tokens: 33 });
  expect(
    await (
      await gateway.post("/v1beta/models/u-anthropic/x:countTokens", { contents: [{ parts: [{ text: "Hello" }] }] })
    ).json(),
  ).toEqual({ totalTokens: 32 });

  const openai = await (
    await gateway.post("/v1/embeddings", { model: "u-gemini/e", input: ["a", "b"], dimensions: 2 })
  ).json();
  expect(openai).toMatchObject({
    object: "list",
    data: [{ index: 0, embedding: [0.5, 0.25] }, { index: 1 }],
    model: "u-gemini/e",
  });
  expect(upstream.received.at(-1)!.body).toEqual({
    requests: ["a", "b"].map((text) => ({
      model: "models/e",
      content: { parts: [{ text }] },
      outputDimensionality: 2,
    })),
  });
  const base64 = (await (
    await gateway.post("/v1/embeddings", { model: "u-gemini/e", input: "a", encoding_format: "base64" })
  ).json()) as { data: { embedding: string }[] };
  expect([...new Float32Array(new Uint8Array(Buffer.from(base64.data[0]!.embedding, "base64")).buffer)]).toEqual([
    0.5, 0.25,
  ]);
  const gemini = await (
    await gateway.post("/v1beta/models/u-chat/e:embedContent", { content: { parts: [{ text: "a" }] } })
  ).json();
  expect(gemini).toEqual({ embedding: { values: [0.5, 0.25] } });
  await close();
});

test("Google's members may be written with underscores", async () => {
  const { gateway, upstream, close } = await startPair();
  const body = {
    system_instruction: "be kind",
    contents: [{ role: "user", parts: [{ text: "x" }, { inline_data: { mime_type: "image/png", data: "iVBOR" } }] }],
    generation_config: { max_output_tokens: 7, stop_sequences: ["END"] },
    tools: [
      {
        function_declarations: [
          { name: "f", parameters: { type: "OBJECT", properties: { snake_case: { type: "STRING" } } } },
        ],
      },
    ],
  };
  await (await gateway.post("/v1beta/models/u-chat/x:generateContent", body)).text();
  expect(upstream.received[0]!.body).toMatchObject({
    max_completion_tokens: 7,
    stop: ["END"],
    messages: [
      { role: "system", content: "be kind" },
      {
        role: "user",
        content: [
          { type: "text", text: "x" },
          { type: "image_url", image_url: { url: "data:image/png;base64,iVBOR" } },
        ],
      },
    ],
    tools: [
      { function: { name: "f", parameters: { type: "object", properties: { snake_case: { type: "string" } } } } },
    ],
  });
  await close();
});

test("of a vendor's two dialects the one that loses less is used", async () => {
  const upstream = await startUpstream(({ dialect }, response) =>
    sendJson(response, 200, fixtures[dialect!].text.json),
  );
  const gateway = await startGateway({ providers: { openai: { base_url: `${upstream.origin}/v1`, api_key: "k" } } });
  const ask = (more: object) =>
    gateway
      .post("/v1/messages", {
        model: "openai/gpt-5",
        max_tokens: 9,
        messages: [{ role: "user", content: "x" }],
        ...more,
      })
      .then((response) => response.text());
  await ask({});
  await ask({ stop_sequences: ["END"] });
  expect(upstream.received.map(({ path }) => path)).toEqual(["/v1/responses", "/v1/chat/completions"]);
  await gateway.close();
  await upstream.close();
});

test("a credential refused while reading a kept response, or the model list, is the operator's matter and is not shown", async () => {
  const pair = await startPair(({ method, headers }, response) => {
    if (method === "POST") return sendJson(response, 200, fixtures["openai-responses"].text.json);
    sendJson(response, 401, { error: { message: `Incorrect API key: ${String(headers.authorization)}` } });
  });
  const made = (await (
    await pair.gateway.post("/v1/responses", { model: "u-responses/x", input: "Hello" })
  ).json()) as { id: string };
  const response = await pair.gateway.get(`/v1/responses/${made.id}`);
  expect(response.status).toBe(502);
  expect(await response.text()).not.toContain("up-responses");
  const [provider] = pair.gateway.started.gateway.current.providers;
  const refused = await provider!.listModels(AbortSignal.timeout(10_000)).catch((error: Error) => error.message);
  expect(refused).toContain("refused the gateway's credential");
  expect(refused).not.toContain("up-chat");
  await pair.close();
});

test("a configuration that changes while a request comes in does not break it", async () => {
  const { gateway, close } = await startPair();
  const running = gateway.started.gateway;
  const text = JSON.stringify(chat("u-chat/case-text"));
  const sending = httpRequest(`${gateway.origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-length": text.length },
  });
  const status = new Promise<number>((resolve, reject) => {
    sending.on("response", (response) => resolve(response.resume().statusCode!)).on("error", reject);
  });
  sending.write(text.slice(0, 10));
  await expect.poll(() => running.health()).toMatchObject({ active: 1 });
  await running.reload(running.current.config);
  sending.end(text.slice(10));
  expect(await status).toBe(200);
  await close();
});
