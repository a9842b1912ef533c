import { createWorkerToken } from "@trunkline/admin";
import { runWorker, type Performer, type WorkerEvent } from "@trunkline/workers/worker";
import { WebSocket } from "ws";
import { startGateway, type TestGateway } from "../harness.ts";

/** A gateway with one provider, `lab`, that is reached through workers named so; and a token for them. */
export async function startLab(
  provider: object = {},
  config: object = {},
): Promise<{ gateway: TestGateway; token: string }> {
  const gateway = await startGateway({
    providers: {
      lab: {
        kind: "browser-worker",
        preset: "openai-compatible",
        base_url: "http://lab/v1",
        models: ["x"],
        wait_seconds: 5,
        ...provider,
      },
    },
    retries: { attempts: 0 },
    ...config,
  });
  const { secret } = await createWorkerToken(gateway.started.gateway.store.workerTokens, "lab", Date.now());
  return { gateway, token: secret };
}

export type TestWorker = { readonly events: WorkerEvent[]; stop(): Promise<void> };

/** The reference worker in this process, connected when it resolves. */
export async function startWorker(
  gateway: string,
  token: string,
  performer: Performer,
  capacity = 8,
): Promise<TestWorker> {
  const stopping = new AbortController();
  const events: WorkerEvent[] = [];
  let connected: () => void = () => {};
  const ready = new Promise<void>((resolve) => (connected = resolve));
  const ended = runWorker({
    gateway,
    token,
    performer,
    capacity,
    agent: "test",
    signal: stopping.signal,
    onEvent(event) {
      events.push(event);
      if (event.type === "connected") connected();
    },
  });
  await Promise.race([ready, ended]);
  return {
    events,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

/** A performer whose every request is answered by a function. */
export function performing(perform: Performer["perform"]): Performer {
  return { perform, close: async () => {} };
}

export const answerJson =
  (body: unknown, status = 200): Performer["perform"] =>
  async (_request, answer) => {
    answer.head(status, { "content-type": "application/json" });
    await answer.data(Buffer.from(JSON.stringify(body)));
  };

/** A worker that speaks for itself: what it says is up to the test. */
export async function rawWorker(
  gateway: string,
  token: string,
  hello: object | null = { type: "hello", agent: "raw" },
) {
  const socket = new WebSocket(gateway.replace("http", "ws") + "/v1/workers", ["trunkline.worker.v1"], {
    headers: { authorization: `Bearer ${token}` },
  });
  const frames: { type: string; id?: number; [name: string]: unknown }[] = [];
  const bodies: Buffer[] = [];
  const waiting: { type: string; resolve(frame: (typeof frames)[number]): void }[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => {
    if (isBinary) return void bodies.push(data as Buffer);
    const frame = JSON.parse((data as Buffer).toString()) as (typeof frames)[number];
    frames.push(frame);
    const at = waiting.findIndex(({ type }) => type === frame.type);
    if (at >= 0) waiting.splice(at, 1)[0]!.resolve(frame);
  });
  await new Promise((resolve, reject) =>
    socket
      .once("open", resolve)
      .once("unexpected-response", (_r, answer) => reject(new Error(String(answer.statusCode)))),
  );
  const next = (type: string) =>
    new Promise<(typeof frames)[number]>((resolve) => {
      const found = frames.find((frame) => frame.type === type);
      if (found) resolve(found);
      else waiting.push({ type, resolve });
    });
  if (hello) {
    socket.send(JSON.stringify(hello));
    await Promise.race([next("welcome"), closed]);
  }
  return {
    socket,
    frames,
    bodies,
    closed,
    next,
    send: (frame: object) => socket.send(JSON.stringify(frame)),
    body(id: number, bytes: Buffer) {
      const frame = Buffer.alloc(4 + bytes.length);
      frame.writeUInt32BE(id, 0);
      bytes.copy(frame, 4);
      socket.send(frame);
    },
  };
}

export const ask = (gateway: TestGateway, body: object = {}, signal?: AbortSignal) =>
  fetch(`${gateway.origin}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify({ model: "lab/x", messages: [{ role: "user", content: "hi" }], ...body }),
    ...(signal ? { signal } : {}),
  });
