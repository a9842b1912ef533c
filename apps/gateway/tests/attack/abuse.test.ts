import { connect } from "node:net";
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { exchangeBytes, fixtures, requestBytes, startRawServer, type RawServer } from "@trunkline/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chatProvider, startGateway, type TestGateway } from "../harness.ts";

// Clients and upstreams that bend HTTP. Whatever they do, others are answered.

const answer = JSON.stringify(fixtures["openai-chat"].text.json);
const head = (more: string) => `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${more}\r\n\r\n`;
/** What the upstream does, by the model's name. */
const tricks: Readonly<Record<string, string | Buffer>> = {
  good: head(`content-length: ${Buffer.byteLength(answer)}`) + answer,
  bomb: Buffer.concat([
    Buffer.from(head("content-encoding: gzip\r\nconnection: close")),
    gzipSync(Buffer.alloc(64 * 1024 * 1024, "a")),
  ]),
  flood: `HTTP/1.1 200 OK\r\n${"x-flood: yes\r\n".repeat(20_000)}`,
  framings: head("content-length: 5\r\ntransfer-encoding: chunked") + "0\r\n\r\n",
  smuggled: head(`content-length: ${Buffer.byteLength(answer)}`) + answer + head("content-length: 8") + '{"a":"b"}',
  not_http: "220 smtp.example.com ESMTP\r\n\r\n",
  redirect: "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n",
  informed: `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${head(`content-length: ${Buffer.byteLength(answer)}`)}${answer}`,
};

let upstream: RawServer;
let gateway: TestGateway;

const bodyOf = (model: string, more: object = {}) =>
  JSON.stringify({ model: `up/${model}`, messages: [{ role: "user", content: "hi" }], ...more });
const signed = () => ({ authorization: `Bearer ${gateway.key}` });
const elsewhere = () =>
  requestBytes("/v1/chat/completions", signed(), JSON.stringify({ model: "no-such-model", messages: [] }));
const request = (model: string, headers: Record<string, string> = {}) =>
  requestBytes("/v1/chat/completions", { ...signed(), ...headers }, bodyOf(model));

async function stillAnswers(): Promise<void> {
  const given = await gateway.post("/v1/chat/completions", bodyOf("good"));
  expect(await given.json()).toMatchObject({ choices: [{ message: { content: "Grüße from 東京 🚄!" } }] });
}

beforeAll(async () => {
  upstream = await startRawServer((socket, text) => {
    const model = /"model":"(\w+)"/.exec(text)![1]!;
    if (model === "silent") return;
    if (model !== "endless") return void socket.write(tricks[model]!);
    socket.write(head("transfer-encoding: chunked").replace("application/json", "text/event-stream"));
    const event = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content: "x".repeat(16_000) } }] })}\n\n`;
    const chunk = `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`;
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", more);
    more();
  });
  gateway = await startGateway({ providers: { up: chatProvider(upstream.origin) }, log: { level: "silent" } });
});
afterAll(async () => {
  await gateway?.close();
  await upstream?.close();
});

test.each([
  ["bomb", 502, /compressed/],
  ["flood", 502, /valid HTTP/],
  ["framings", 502, /valid HTTP/],
  ["not_http", 502, /valid HTTP/],
  ["redirect", 502, /302|redirect|provider/i],
])("an upstream's %s is an error of the upstream's", async (model, status, message) => {
  const given = await gateway.post("/v1/chat/completions", bodyOf(model));
  expect(given.status).toBe(status);
  expect(((await given.json()) as { error: { message: string } }).error.message).toMatch(message);
  await stillAnswers();
});

test("an answer smuggled behind another reaches nobody", async () => {
  for (let turn = 0; turn < 5; turn++) {
    const given = await gateway.post("/v1/chat/completions", bodyOf("smuggled"));
    expect(await given.json()).toMatchObject({ object: "chat.completion" });
    await stillAnswers();
  }
});

test("interim answers are skipped", async () => {
  expect((await gateway.post("/v1/chat/completions", bodyOf("informed"))).status).toBe(200);
});

test("pipelined requests are answered in order", async () => {
  const answers = await exchangeBytes(
    gateway.origin,
    request("good") + elsewhere() + request("good", { connection: "close" }),
  );
  expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(["200", "404", "200"]);
});

test("streams are whole for a client of HTTP/1.0 and behind others on one connection", async () => {
  const body = JSON.stringify({
    model: "trunkline/echo",
    stream: true,
    messages: [{ role: "user", content: "one two three" }],
  });
  const stream = (headers: Record<string, string> = {}) =>
    requestBytes("/v1/chat/completions", { ...signed(), ...headers }, body);
  const old = await exchangeBytes(gateway.origin, stream().replace("HTTP/1.1", "HTTP/1.0"));
  expect(old).not.toMatch(/transfer-encoding/i);
  expect(old.trimEnd().endsWith("data: [DONE]")).toBe(true);
  const three = await exchangeBytes(gateway.origin, stream() + stream() + stream({ connection: "close" }));
  expect(three.match(/^HTTP\/1\.1 200/gm)).toHaveLength(3);
  expect(three.match(/data: \[DONE\]\n\n\r\n0\r\n\r\n/g)).toHaveLength(3);
});

test.each([
  ["two framings", (good: string) => good.replace("content-length", "transfer-encoding: chunked\r\ncontent-length")],
  ["two lengths", (good: string) => good.replace("content-length", "content-length: 3\r\ncontent-length")],
  ["a signed length", (good: string) => good.replace("content-length: ", "content-length: +")],
  [
    "a hidden encoding",
    (good: string) => good.replace("content-length", "transfer-encoding : chunked\r\ncontent-length"),
  ],
  [
    "an unknown encoding",
    (good: string) => good.replace("content-length", "transfer-encoding: xchunked\r\ncontent-length"),
  ],
  ["a folded header", (good: string) => good.replace("content-length", "x: a\r\n b\r\ncontent-length")],
  ["bare line feeds", (good: string) => good.replaceAll("\r\n", "\n")],
  ["a NUL in a header", (good: string) => good.replace("content-length", "x: a\0b\r\ncontent-length")],
  ["32 KB of headers", (good: string) => good.replace("content-length", `x: ${"a".repeat(40_000)}\r\ncontent-length`)],
  ["3,000 headers", (good: string) => good.replace("content-length", `${"x: a\r\n".repeat(6000)}content-length`)],
])("a request with %s is refused and its connection closed", async (_name, spoil) => {
  const said = await exchangeBytes(gateway.origin, spoil(request("good")) + request("good"));
  expect(said).toMatch(/^HTTP\/1\.1 4(00|31|08)/);
  expect(said.match(/HTTP\/1\.1/g)).toHaveLength(1);
  await stillAnswers();
});

test("a client that closes its half is taken to have left: nobody could tell the two apart", async () => {
  expect(await exchangeBytes(gateway.origin, request("silent"), { halfClose: true })).toBe("");
  await stillAnswers();
});

test("a client that leaves in the middle of its body leaves nothing behind", async () => {
  const { hostname, port } = new URL(gateway.origin);
  for (const length of [50, 200_000]) {
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\ncontent-length: ${length}\r\n\r\n{"model":`,
    );
    socket.resetAndDestroy();
    await once(socket, "close");
  }
  await expect
    .poll(
      async () =>
        (await gateway.get("/v1/health").then((answer) => answer.json() as Promise<{ active: number }>)).active,
    )
    .toBe(0);
  await stillAnswers();
});

test("a client that does not read stops its upstream instead of filling the memory", async () => {
  const { hostname, port } = new URL(gateway.origin);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  const before = process.memoryUsage().rss;
  socket.pause();
  socket.write(requestBytes("/v1/chat/completions", signed(), bodyOf("endless", { stream: true })));
  // Meanwhile others go on; after them the unread stream has had every chance to grow.
  for (let turn = 0; turn < 200; turn++) await stillAnswers();
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(150);
  socket.destroy();
  await expect
    .poll(
      async () => (await gateway.get("/v1/health").then((given) => given.json() as Promise<{ active: number }>)).active,
    )
    .toBe(0);
});

test("members given twice or hidden behind escapes mean the same to us and to the upstream", async () => {
  const twice = `{"model":"up/bomb","messages":[{"role":"user","content":"hi"}],"mod\\u0065l":"up/good"}`;
  expect((await gateway.post("/v1/chat/completions", twice)).status).toBe(200);
  const large = twice.replace("hi", "hi ".repeat(20_000));
  expect((await gateway.post("/v1/chat/completions", large)).status).toBe(200);
});
