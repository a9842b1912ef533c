import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { fixtures, sendJson, sendSse, startUpstream, type Behaviour } from "@trunkline/testkit";
import { fourProviders, requestFor, startGateway, startPair, type TestGateway } from "./harness.ts";

async function rows(gateway: TestGateway) {
  await expect
    .poll(async () => (await gateway.started.gateway.health()) as { ledger: { queued: number } })
    .toMatchObject({ ledger: { queued: 0 } });
  return gateway.started.gateway.store.database.selectFrom("exchanges").selectAll().orderBy("started_at").execute();
}

const chat = (model: string, content = "Hello", more: object = {}) => ({
  model,
  messages: [{ role: "user", content }],
  ...more,
});

test("every exchange is in the ledger with its usage, cost and target", async () => {
  const { gateway, close } = await startPair(undefined, { aliases: { fast: "u-anthropic/claude-sonnet-4-5" } });
  await (await gateway.post("/v1/chat/completions", chat("fast"))).text();
  await (await gateway.post("/v1/chat/completions", chat("fast", "Hello", { stream: true }))).text();
  await (
    await gateway.post("/v1/messages", {
      model: "fast",
      max_tokens: 9,
      stream: true,
      messages: [{ role: "user", content: "x" }],
    })
  ).text();
  await (await gateway.post("/v1/chat/completions", chat("nowhere"))).text();
  const found = await rows(gateway);
  // 176 fresh tokens at $3, 1024 cached at $0.30, 9 out at $15 a million.
  const cost = 176 * 3000 + 1024 * 300 + 9 * 15_000;
  expect(found).toHaveLength(4);
  for (const row of found.slice(0, 3)) {
    expect(row).toMatchObject({
      requested_model: "fast",
      provider: "u-anthropic",
      model: "claude-sonnet-4-5",
      status: 200,
      outcome: "ok",
      input_tokens: 1200,
      cache_read_tokens: 1024,
      output_tokens: 9,
      cost_nano_usd: cost,
      usage_estimated: 0,
    });
  }
  expect(found.map((row) => [row.dialect, row.upstream_dialect, row.stream])).toEqual([
    ["openai-chat", "anthropic-messages", 0],
    ["openai-chat", "anthropic-messages", 1],
    ["anthropic-messages", "anthropic-messages", 1],
    ["openai-chat", "", 0],
  ]);
  expect(found[3]).toMatchObject({ outcome: "error", status: 404, error_code: "model_not_found", cost_nano_usd: null });
  await close();
});

test("a usage chunk the client did not ask for is asked for, read, and withheld", async () => {
  const { gateway, upstream, close } = await startPair();
  const text = await (
    await gateway.post("/v1/chat/completions", chat("u-chat/case-text", "Hello", { stream: true }))
  ).text();
  expect(upstream.received[0]!.body["stream_options"]).toEqual({ include_usage: true });
  expect(text).not.toContain('"prompt_tokens"');
  expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
  expect((await rows(gateway))[0]).toMatchObject({ input_tokens: 1200, output_tokens: 9 });
  await close();
});

test("a client that leaves cancels the upstream; what passed is recorded, marked as our count", async () => {
  const half: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(fixtures["anthropic-messages"].text.sse.split("event: content_block_stop")[0]!);
  };
  const { gateway, upstream, close } = await startPair(half);
  const aborted = upstream.nextAbort();
  const controller = new AbortController();
  const response = await fetch(`${gateway.origin}/v1/chat/completions`, {
    method: "POST",
    signal: controller.signal,
    headers: { authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify(chat("u-anthropic/claude-sonnet-4-5", "Hello", { stream: true })),
  });
  const reader = response.body!.getReader();
  await reader.read();
  controller.abort();
  await aborted;
  await expect
    .poll(() => gateway.started.gateway.store.database.selectFrom("exchanges").selectAll().execute())
    .toHaveLength(1);
  // message_start told the input; the output is counted from the text that came.
  expect((await rows(gateway))[0]).toMatchObject({
    outcome: "cancelled",
    status: 499,
    input_tokens: 1200,
    usage_estimated: 1,
  });
  await close();
});

test("an upstream that breaks off in the middle is an error to client and ledger", async () => {
  const broken: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(fixtures["openai-chat"].text.sse.slice(0, 900), () => response.destroy());
  };
  const { gateway, close } = await startPair(broken);
  for (const dialect of ["openai-chat", "anthropic-messages"] as const) {
    const { path, body } = requestFor(dialect, "u-chat/x", "Hello", true);
    const text = await (await gateway.post(path, body)).text();
    expect(text).toContain('"error"');
    expect(text).not.toContain("message_stop");
  }
  expect((await rows(gateway)).map(({ outcome, error_code }) => [outcome, error_code])).toEqual([
    ["error", "upstream_ended_early"],
    ["error", "upstream_ended_early"],
  ]);
  await close();
});

test("an error before the first content is a plain error answer, also for a stream", async () => {
  const { gateway, close } = await startPair((_request, response) =>
    sendSse(response, `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n`),
  );
  const response = await gateway.post("/v1/chat/completions", chat("u-anthropic/x", "Hello", { stream: true }));
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { code: "upstream_overloaded" } });
  await close();
});

test("the upstream's own error body goes to a client of its dialect as it is", async () => {
  const error = {
    type: "error",
    error: { type: "invalid_request_error", message: "max_tokens: 9 > 8" },
    request_id: "req_up",
  };
  const { gateway, close } = await startPair((_request, response) => sendJson(response, 400, error));
  const response = await gateway.post("/v1/messages", {
    model: "u-anthropic/x",
    max_tokens: 9,
    messages: [{ role: "user", content: "x" }],
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual(error);
  await close();
});

test("silence is broken by heartbeats before the first token", async () => {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const { gateway, close } = await startPair(
    async (_request, response) => {
      await released;
      sendSse(response, fixtures["openai-chat"].text.sse);
    },
    { server: { heartbeat_seconds: 0.02 } },
  );
  const { path, body } = requestFor("anthropic-messages", "u-chat/x", "Hello", true);
  const response = await gateway.post(path, body);
  const reader = response.body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toMatch(/^event: ping/);
  release();
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read())
    rest += Buffer.from(piece.value).toString();
  expect(rest).toContain("message_stop");
  await close();
});

test("a slow reader holds the upstream back instead of filling the memory", async () => {
  const total = 64 * 1024 * 1024;
  let sent = 0;
  const flood: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = `data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta: { content: "x".repeat(16_000) } }] })}\n\n`;
    const more = () => {
      while (sent < total) {
        sent += chunk.length;
        if (!response.write(chunk)) return;
      }
      response.end(`data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`);
    };
    response.on("drain", more);
    more();
  };
  const { gateway, close } = await startPair(flood);
  for (const dialect of ["openai-chat", "anthropic-messages"] as const) {
    sent = 0;
    const { path, body } = requestFor(dialect, "u-chat/x", "Hello", true);
    const response = await gateway.post(path, body);
    const reader = response.body!.getReader();
    await reader.read();
    // Nothing more is read: what is under way fills the buffers between, and then the upstream must stop.
    let before = -1;
    while (before !== sent) {
      before = sent;
      for (let turn = 0; turn < 2000; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent).toBeLessThan(total / 2);
    await reader.cancel();
  }
  await close();
});

test("files named by URL are fetched for those that need them inline, but never from the inside", async () => {
  const pixel = Buffer.from("iVBORw0KGgo=", "base64");
  const server = createServer((message, response) => {
    if (message.url === "/redirect")
      return response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
    if (message.url === "/big.png")
      return response.writeHead(200, { "content-type": "image/png" }).end(Buffer.alloc(2 * 1024 * 1024));
    response.writeHead(200, { "content-type": "image/png" }).end(pixel);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const upstream = await startUpstream(({ stream }, response) =>
    stream ? sendSse(response, fixtures.gemini.text.sse) : sendJson(response, 200, fixtures.gemini.text.json),
  );
  const allowing = await startGateway({
    providers: fourProviders(upstream.origin),
    media: { allow_addresses: ["127.0.0.0/8"], max_mb: 1 },
  });
  const strict = await startGateway({ providers: fourProviders(upstream.origin) });
  const see = (gateway: TestGateway, url: string) =>
    gateway.post("/v1/chat/completions", {
      model: "u-gemini/x",
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
    });

  expect((await see(allowing, `http://127.0.0.1:${port}/a.png`)).status).toBe(200);
  expect(JSON.stringify(upstream.received.at(-1)!.body)).toContain(
    '"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}',
  );
  const sent = upstream.received.length;
  for (const url of [`http://127.0.0.1:${port}/redirect`, `http://127.0.0.1:${port}/big.png`])
    expect((await see(allowing, url)).status).toBe(400);
  for (const url of [
    `http://127.0.0.1:${port}/a.png`,
    `http://localhost:${port}/a.png`,
    `http://[::1]:${port}/a.png`,
    `http://[::ffff:127.0.0.1]:${port}/a.png`,
    `http://2130706433:${port}/a.png`,
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/a.png",
    "http://[fd00::1]/a.png",
    "http://[64:ff9b::7f00:1]/a.png",
  ]) {
    const response = await see(strict, url);
    expect([url, response.status]).toEqual([url, 400]);
    expect(await response.text()).toContain("not on the public internet");
  }
  expect(upstream.received).toHaveLength(sent);
  await Promise.all([allowing.close(), strict.close(), upstream.close()]);
  server.close();
});

test("compressed bodies are read", async () => {
  const { gateway, close } = await startPair();
  const text = JSON.stringify(chat("trunkline/echo"));
  for (const [encoding, bytes] of [
    ["gzip", gzipSync(text)],
    ["br", brotliCompressSync(text)],
    ["zstd", zstdCompressSync(text)],
  ] as const) {
    const response = await fetch(`${gateway.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}`, "content-encoding": encoding },
      body: new Uint8Array(bytes),
    });
    expect(response.status).toBe(200);
  }
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const response = await fetch(`${gateway.origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-encoding": "gzip" },
    body: new Uint8Array(bomb),
  });
  expect(response.status).toBe(413);
  await close();
});

test("health, metrics, security headers and CORS", async () => {
  const { gateway, close } = await startPair(undefined, { server: { cors_origins: ["https://app.example"] } });
  await (await gateway.post("/v1/chat/completions", chat("u-chat/case-text"))).text();
  const health = await fetch(`${gateway.origin}/health`);
  expect(health.headers.get("x-content-type-options")).toBe("nosniff");
  expect(await health.json()).toMatchObject({ status: "ok" });
  expect((await fetch(`${gateway.origin}/v1/health`)).status).toBe(401);
  expect(await (await gateway.get("/v1/health")).json()).toMatchObject({ status: "ok", database: "ok" });
  expect((await fetch(`${gateway.origin}/metrics`)).status).toBe(401);
  const basic = Buffer.from(`admin:${gateway.started.adminPassword}`).toString("base64");
  const metrics = await (
    await fetch(`${gateway.origin}/metrics`, { headers: { authorization: `Basic ${basic}` } })
  ).text();
  expect(metrics).toMatch(/trunkline_success_requests_total\{provider="u-chat",model="case-text"\} 1/);
  const preflight = (origin: string) =>
    fetch(`${gateway.origin}/v1/messages`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
  expect((await preflight("https://app.example")).headers.get("access-control-allow-origin")).toBe(
    "https://app.example",
  );
  expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
  await close();
});

test("stopping lets running answers end and refuses new ones", async () => {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const { gateway, upstream } = await startPair(async (_request, response) => {
    await released;
    sendJson(response, 200, fixtures["openai-chat"].text.json);
  });
  const running = gateway.post("/v1/chat/completions", chat("u-chat/x"));
  await expect.poll(() => upstream.received.length).toBe(1);
  const stopped = gateway.close();
  const refused = await gateway.post("/v1/messages", { model: "u-chat/x", max_tokens: 9, messages: [] });
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after-ms")).toBe("1000");
  expect(await refused.json()).toMatchObject({ type: "error", error: { type: "api_error" } });
  expect((await fetch(`${gateway.origin}/health`)).status).toBe(503);
  release();
  expect((await running).status).toBe(200);
  await stopped;
  await expect(gateway.get("/health")).rejects.toThrow();
  await upstream.close();
});

test("a stream whose upstream tells no usage is counted by us, and says so", async () => {
  const silent = fixtures["openai-chat"].text.sse.replace(/data: \{[^\n]*"choices":\[\][^\n]*\n\n/, "");
  const { gateway, close } = await startPair((_request, response) => sendSse(response, silent));
  await (await gateway.post("/v1/chat/completions", chat("u-chat/gpt-4o", "Hello", { stream: true }))).text();
  expect((await rows(gateway))[0]).toMatchObject({ outcome: "ok", usage_estimated: 1 });
  expect((await rows(gateway))[0]!.output_tokens).toBeGreaterThan(0);
  await close();
});

test("a JSON array of Gemini's stays one when its upstream breaks off", async () => {
  const breaking: Behaviour = ({ dialect }, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const { sse } = fixtures[dialect!].text;
    const first = sse.slice(0, sse.search(/(?:\r?\n){2}/) + 4);
    response.write(dialect === "openai-chat" ? sse.slice(0, 900) : first, () => response.destroy());
  };
  const { gateway, close } = await startPair(breaking);
  for (const provider of ["u-gemini", "u-chat"]) {
    const response = await gateway.post(`/v1beta/models/${provider}/x:streamGenerateContent`, {
      contents: [{ parts: [{ text: "x" }] }],
    });
    const elements = (await response.json()) as { error?: { status: string } }[];
    expect(elements.length).toBeGreaterThan(1);
    expect(elements.at(-1)).toMatchObject({ error: { status: "UNAVAILABLE" } });
  }
  await close();
});

test("a passed-through request the translators would refuse gets its heartbeats and its error like any other", async () => {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const { gateway, close } = await startPair(
    async (_request, response) => {
      await released;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(fixtures["openai-chat"].text.sse.slice(0, 700), () => response.destroy());
    },
    { server: { heartbeat_seconds: 0.02 } },
  );
  // `functions` is OpenAI's older form: its own API takes it, no other dialect has it.
  const response = await gateway.post(
    "/v1/chat/completions",
    chat("u-chat/x", "Hello", { stream: true, functions: [{ name: "f" }] }),
  );
  const reader = response.body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toContain(": keep-alive");
  release();
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read())
    rest += Buffer.from(piece.value).toString();
  expect(rest).toContain('"code":"upstream_ended_early"');
  await close();
});
