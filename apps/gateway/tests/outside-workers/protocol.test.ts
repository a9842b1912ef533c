import { createServer, connect, type Socket } from "node:net";
import { fixtures } from "@trunkline/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { answerJson, ask, performing, rawWorker, startLab, startWorker, type TestWorker } from "./lab.ts";

const open: { close?(): unknown; stop?(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await (thing.close ?? thing.stop)?.call(thing);
});
const track = <T extends { close?(): unknown; stop?(): unknown }>(thing: T): T => {
  open.push(thing);
  return thing;
};

const answer = fixtures["openai-chat"].text.json;

async function lab(provider: object = {}, config: object = {}) {
  const made = await startLab(provider, config);
  track(made.gateway);
  return made;
}

describe("a worker", () => {
  test("makes the gateway's requests and streams their answers as they come", async () => {
    const { gateway, token } = await lab();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const [head, ...rest] = fixtures["openai-chat"].text.sse.split(/(?<=\n\n)/);
    track(
      await startWorker(
        gateway.origin,
        token,
        performing(async ({ method, path, headers, body }, to) => {
          expect([method, path, headers["content-type"]]).toEqual(["POST", "/v1/chat/completions", "application/json"]);
          expect(JSON.parse(body.toString())).toMatchObject({ model: "x", stream: true });
          to.head(200, { "content-type": "text/event-stream" });
          await to.data(Buffer.from(head! + rest[0]!));
          await held;
          await to.data(Buffer.from(rest.slice(1).join("")));
        }),
      ),
    );
    const reply = await ask(gateway, { stream: true });
    const reader = reply.body!.getReader();
    const first = Buffer.from((await reader.read()).value!).toString();
    expect(first).toContain("chat.completion.chunk");
    expect(first).not.toContain("[DONE]");
    release();
    let text = first;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      text += Buffer.from(piece.value).toString();
    expect(text).toContain("[DONE]");
  });

  test("takes a large request, in pieces it grants", async () => {
    const { gateway, token } = await lab();
    const content = "x".repeat(5_000_000);
    track(
      await startWorker(
        gateway.origin,
        token,
        performing(async ({ body }, to) => {
          expect((JSON.parse(body.toString()) as { messages: { content: string }[] }).messages[0]!.content).toBe(
            content,
          );
          await answerJson(answer)({} as never, to);
        }),
      ),
    );
    expect((await ask(gateway, { messages: [{ role: "user", content }] })).status).toBe(200);
  });

  test("is told when the client leaves, and stops", async () => {
    const { gateway, token } = await lab();
    let began: () => void = () => {};
    const beginning = new Promise<void>((resolve) => (began = resolve));
    let stopped: () => void = () => {};
    const stopping = new Promise<void>((resolve) => (stopped = resolve));
    track(
      await startWorker(
        gateway.origin,
        token,
        performing(
          ({ signal }) =>
            new Promise((_resolve, reject) => {
              began();
              signal.addEventListener("abort", () => {
                stopped();
                reject(signal.reason as Error);
              });
            }),
        ),
        1,
      ),
    );
    const leaving = new AbortController();
    const asked = ask(gateway, {}, leaving.signal).catch(() => "left");
    await beginning;
    leaving.abort();
    await stopping;
    expect(await asked).toBe("left");
    // Its place is free again.
    await expect.poll(() => gateway.started.gateway.workers.loaded!.report()[0]!.active).toBe(0);
  });

  test("that fails tells why, in the client's dialect", async () => {
    const { gateway, token } = await lab();
    const worker = await rawWorker(gateway.origin, token);
    const asked = ask(gateway);
    const { id } = await worker.next("request");
    worker.send({ type: "error", id, code: "signed_out", message: "nobody is signed in there" });
    const reply = await asked;
    expect([reply.status, await reply.text()]).toEqual([
      503,
      expect.stringContaining("nobody is signed in there. Sign in at the worker 'lab' again."),
    ]);
    worker.socket.terminate();
  });
});

test("five workers share the load evenly, and no more is asked of one than it takes", async () => {
  const { gateway, token } = await lab({ wait_seconds: 60 });
  const counts = [0, 0, 0, 0, 0];
  const most = [0, 0, 0, 0, 0];
  const active = [0, 0, 0, 0, 0];
  const releases: (() => void)[] = [];
  const release = () => releases.splice(0).forEach((go) => go());
  for (let index = 0; index < 5; index++)
    track(
      await startWorker(
        gateway.origin,
        token,
        performing(async (request, to) => {
          counts[index]!++;
          most[index] = Math.max(most[index]!, ++active[index]!);
          await new Promise<void>((resolve) => releases.push(resolve));
          active[index]!--;
          await answerJson(answer)(request, to);
        }),
        4,
      ),
    );
  // A worker waits for what it has begun: whatever fails below, it ends.
  track({ close: release });
  const all = Array.from({ length: 50 }, () => ask(gateway));
  // All twenty places are taken, thirty wait: requests arrive one by one, so both are waited for.
  await expect.poll(() => [releases.length, gateway.started.gateway.workers.loaded!.waiting("lab")]).toEqual([20, 30]);
  expect(counts).toEqual([4, 4, 4, 4, 4]);
  let over = false;
  const ended = Promise.all(all).then((answers) => {
    over = true;
    return answers.map(({ status }) => status);
  });
  while (!over) {
    releases.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(new Set(await ended)).toEqual(new Set([200]));
  expect(Math.max(...most)).toBe(4);
  expect(Math.min(...counts)).toBeGreaterThanOrEqual(5);
});

/** A stream's chunk of about 60 kB. */
const chunk = Buffer.from(
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "x", choices: [{ index: 0, delta: { content: "x".repeat(60_000) }, finish_reason: null }] })}\n\n`,
);
const last = fixtures["openai-chat"].text.sse
  .split(/(?<=\n\n)/)
  .slice(-3)
  .join("");

/** A client that reads nothing of its answer until it is told to. */
function slowClient(origin: string, key: string): Socket {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  track({ close: () => socket.destroy() });
  const body = JSON.stringify({ model: "lab/x", stream: true, messages: [{ role: "user", content: "hi" }] });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

test("a reader that takes its time holds the worker up, and nothing piles up in between", async () => {
  const { gateway, token } = await lab();
  const size = 64 * 1024 * 1024;
  let accepted = 0;
  let isDone = false;
  track(
    await startWorker(
      gateway.origin,
      token,
      performing(async (_request, to) => {
        to.head(200, { "content-type": "text/event-stream" });
        for (; accepted < size; accepted += chunk.length) await to.data(chunk);
        await to.data(Buffer.from(last));
        isDone = true;
      }),
    ),
  );
  const socket = slowClient(gateway.origin, gateway.key);
  await new Promise((resolve) => socket.once("readable", resolve));
  // What has been accepted stops growing: the kernel's buffers and one window are full.
  let before = -1;
  await expect
    .poll(
      () => {
        const isStill = accepted === before;
        before = accepted;
        return isStill && accepted > 0;
      },
      { interval: 300 },
    )
    .toBe(true);
  expect(isDone).toBe(false);
  expect(accepted).toBeLessThan(size / 2);
  let read = 0;
  socket.on("data", (piece: Buffer) => (read += piece.length));
  await expect.poll(() => read).toBeGreaterThan(size);
  await expect.poll(() => isDone).toBe(true);
});

test("a connection that breaks in the middle of an answer is taken up again, and nothing is lost or doubled", async () => {
  const { gateway, token } = await lab();
  const sockets = new Set<Socket>();
  const relay = createServer((from) => {
    const to = connect(Number(new URL(gateway.origin).port), "127.0.0.1");
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  track({ close: () => void relay.close() });
  const pieces = Array.from({ length: 400 }, (_, index) => `${index},`);
  let worker: TestWorker | undefined;
  const resumed = () => worker!.events.filter((event) => event.type === "connected" && event.resumed).length;
  worker = track(
    await startWorker(
      `http://127.0.0.1:${(relay.address() as { port: number }).port}`,
      token,
      performing(async (_request, to) => {
        to.head(200, { "content-type": "application/json" });
        await to.data(Buffer.from('{"x":"'));
        for (const [index, piece] of pieces.entries()) {
          await to.data(Buffer.from(piece));
          if (index % 100 === 50) for (const socket of sockets) socket.destroy();
          if (index % 100 === 99) await expect.poll(resumed, { interval: 5 }).toBe((index + 1) / 100);
        }
        await to.data(Buffer.from('"}'));
      }),
    ),
  );
  const reply = await ask(gateway);
  expect(await reply.text()).toBe(`{"x":"${pieces.join("")}"}`);
  expect(resumed()).toBe(4);
});

test("who is not let in, and why", async () => {
  const { gateway, token } = await lab();
  const refusal = (protocols: string[], headers: Record<string, string>) =>
    new Promise<[number, string]>((resolve) => {
      const socket = new WebSocket(gateway.origin.replace("http", "ws") + "/v1/workers", protocols, { headers });
      socket.on("error", () => {});
      socket.on("open", () => resolve([101, socket.protocol]));
      socket.on("unexpected-response", (_request, reply) => {
        let text = "";
        reply
          .on("data", (piece: Buffer) => (text += piece.toString()))
          .on("end", () => resolve([reply.statusCode!, text]));
      });
      track({ close: () => socket.terminate() });
    });
  const good = { authorization: `Bearer ${token}` };
  expect(await refusal(["trunkline.worker.v1"], {})).toEqual([401, expect.stringContaining("trunkline workers add")]);
  expect((await refusal(["trunkline.worker.v1"], { authorization: "Bearer tlw-wrong" }))[0]).toBe(401);
  expect((await refusal(["trunkline.worker.v1"], { authorization: `Bearer ${gateway.key}` }))[0]).toBe(401);
  expect(await refusal(["trunkline.worker.v9"], good)).toEqual([426, expect.stringContaining("trunkline.worker.v1")]);
  // A page cannot set headers: its token travels as a subprotocol, which is not chosen.
  expect(await refusal(["trunkline.worker.v1", `trunkline.token.${token}`], {})).toEqual([101, "trunkline.worker.v1"]);
  const [kept] = await gateway.started.gateway.store.workerTokens.list();
  await gateway.started.gateway.store.workerTokens.revoke(kept!.id, Date.now());
  expect((await refusal(["trunkline.worker.v1"], good))[0]).toBe(401);
  // The same address, asked for something else.
  expect((await fetch(`${gateway.origin}/v1/workers`)).status).toBe(404);
});

test("without a worker a request waits for one, and not for ever", async () => {
  const { gateway, token } = await lab({ wait_seconds: 60, queue: 1 });
  const waits = ask(gateway);
  await expect.poll(() => gateway.started.gateway.workers.loaded!.waiting("lab")).toBe(1);
  const second = await ask(gateway);
  expect([second.status, await second.text()]).toEqual([503, expect.stringContaining("No worker 'lab' is connected")]);
  track(await startWorker(gateway.origin, token, performing(answerJson(answer))));
  expect((await waits).status).toBe(200);
});

type Raw = Awaited<ReturnType<typeof rawWorker>>;
const big = Buffer.alloc(64 * 1024);

describe("a worker that lies about frames is cut off, and its request fails or goes elsewhere:", () => {
  test.each<[string, (worker: Raw, id: number) => void]>([
    ["no JSON", ({ socket }) => socket.send("{")],
    ["a frame of no known type", ({ send }) => send({ type: "shell", command: "id" })],
    ["a member nobody knows", ({ send }, id) => send({ type: "end", id, extra: 1 })],
    ["an end without a response", ({ send }, id) => send({ type: "end", id })],
    ["a body before the response", ({ body }, id) => body(id, big)],
    ["a binary frame without a number", ({ socket }) => socket.send(Buffer.from([1, 2]))],
    ["a binary frame that is too long", ({ body }, id) => body(id, Buffer.alloc(65 * 1024))],
    ["a request that was never made", ({ send }) => send({ type: "response", id: 99, status: 200, headers: {} })],
    ["a status there is not", ({ send }, id) => send({ type: "response", id, status: 42, headers: {} })],
    [
      "a header that breaks out of its line",
      ({ send }, id) => send({ type: "response", id, status: 200, headers: { a: "b\r\nset-cookie: x" } }),
    ],
    [
      "two responses",
      ({ send }, id) => {
        for (let turn = 0; turn < 2; turn++) send({ type: "response", id, status: 200, headers: {} });
      },
    ],
    [
      "more than was granted",
      ({ send, body }, id) => {
        send({ type: "response", id, status: 200, headers: { "content-type": "text/event-stream" } });
        // Nobody reads it, so that nothing more is granted.
        for (let turn = 0; turn < 1000; turn++) body(id, chunk);
      },
    ],
    ["an acknowledgement of what was not sent", ({ send }) => send({ type: "ack", received: 1000 })],
    ["a second hello", ({ send }) => send({ type: "hello" })],
    ["a frame of half a megabyte", ({ socket }) => socket.send(" ".repeat(600_000))],
    ["a name in the gateway's own frames", ({ send }) => send({ type: "welcome", version: 1 })],
  ])("%s", async (name, lie) => {
    const { gateway, token } = await lab();
    const worker = await rawWorker(gateway.origin, token);
    const isHeldUp = name === "more than was granted";
    if (isHeldUp) slowClient(gateway.origin, gateway.key);
    const asked = isHeldUp ? undefined : ask(gateway).then((reply) => reply.status);
    const { id } = await worker.next("request");
    lie(worker, id!);
    const { code } = await worker.closed;
    expect([4400, 4402, 1009]).toContain(code);
    expect([502, undefined]).toContain(await asked);
    expect(gateway.started.gateway.workers.loaded!.report()).toEqual([]);
    // An honest one is not held to account for it.
    track(await startWorker(gateway.origin, token, performing(answerJson(answer))));
    expect((await ask(gateway)).status).toBe(200);
  });
});

test("before hello nothing else is taken, and a second worker answers what the first broke off", async () => {
  const { gateway, token } = await lab({}, { retries: { attempts: 2, first_wait_seconds: 0.01 } });
  const silent = await rawWorker(gateway.origin, token, null);
  silent.send({ type: "end", id: 1 });
  expect((await silent.closed).code).toBe(4400);
  const liar = await rawWorker(gateway.origin, token);
  const asked = ask(gateway);
  await liar.next("request");
  track(await startWorker(gateway.origin, token, performing(answerJson(answer))));
  liar.socket.send("lies");
  expect((await asked).status).toBe(200);
});
