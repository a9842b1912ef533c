import { createSseParser, dialects } from "@trunkline/dialects";
import type { DialectName } from "@trunkline/contracts";
import { fixtures, startRawServer, type RawServer } from "@trunkline/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chatProvider, requestFor, startGateway, type TestGateway } from "../harness.ts";

// An upstream that breaks off at every byte it could, by closing and by a reset.

const head = (type: string, more: string) => `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${more}\r\n\r\n`;
const wholeText = JSON.stringify(fixtures["openai-chat"].text.json);
const whole = head("application/json", `content-length: ${Buffer.byteLength(wholeText)}`) + wholeText;
const events = fixtures["openai-chat"].tools.sse.split(/(?<=\n\n)/);
const stream =
  head("text/event-stream", "transfer-encoding: chunked") +
  events.map((event) => `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`).join("") +
  "0\r\n\r\n";
const answers = { whole: Buffer.from(whole), stream: Buffer.from(stream) };

let upstream: RawServer;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawServer((socket, request) => {
    const [, kind, at, way] = /"(?:model)":"(whole|stream)-(\d+)-(close|reset)"/.exec(request)!;
    const bytes = answers[kind as keyof typeof answers].subarray(0, Number(at));
    if (way === "close") socket.end(bytes);
    else socket.write(bytes, () => socket.resetAndDestroy());
  });
  gateway = await startGateway({
    providers: { up: chatProvider(upstream.origin) },
    log: { level: "silent" },
    retries: { attempts: 0 },
  });
});
afterAll(async () => {
  await gateway?.close();
  await upstream?.close();
});

/** How a client sees an answer: complete, or told of an error. */
async function ask(
  dialect: DialectName,
  kind: "whole" | "stream",
  at: number,
  way: string,
): Promise<"complete" | "error"> {
  const { path, body } = requestFor(dialect, `up/${kind}-${at}-${way}`, "hi", kind === "stream");
  const answer = await gateway.post(path, body);
  const text = await answer.text();
  if (answer.status !== 200) {
    expect(answer.status).toBeGreaterThanOrEqual(502);
    expect(JSON.parse(text)).toHaveProperty("error.message");
    return "error";
  }
  if (kind === "whole") {
    dialects[dialect].decodeResponse(JSON.parse(text) as never);
    return "complete";
  }
  let last = "";
  const decoder = dialects[dialect].createStreamDecoder();
  const emit = ({ type }: { type: string }) => {
    if (type === "end" || type === "error") last = type;
  };
  createSseParser((name, data) => decoder.event(name, data, emit)).push(Buffer.from(text));
  decoder.close(emit);
  expect(text).not.toBe("");
  return last === "end" ? "complete" : "error";
}

const ways = ["close", "reset"] as const;
const kinds = ["whole", "stream"] as const;
const clients = ["openai-chat", "anthropic-messages"] as const;

test.each(clients.flatMap((dialect) => kinds.flatMap((kind) => ways.map((way) => ({ dialect, kind, way })))))(
  "$dialect client, $kind answer, an upstream that ends by a $way at every byte",
  async ({ dialect, kind, way }) => {
    const { length } = answers[kind];
    // The last bytes of a chunked body add nothing a client could miss.
    const sure = kind === "whole" ? length : answers.stream.indexOf("[DONE]");
    const places = Array.from({ length: length + 1 }, (_, at) => at);
    while (places.length > 0) {
      const found = await Promise.all(
        places.splice(0, 64).map(async (at) => ({ at, outcome: await ask(dialect, kind, at, way) })),
      );
      for (const { at, outcome } of found) {
        if (at < sure) expect({ at, outcome }).toEqual({ at, outcome: "error" });
        // A reset may overtake what was sent before it.
        if (at === length && way === "close") expect({ at, outcome }).toEqual({ at, outcome: "complete" });
      }
    }
    const rows = await gateway.started.gateway.store.database
      .selectFrom("exchanges")
      .select("outcome")
      .where("status", "=", 500)
      .execute();
    expect(rows).toEqual([]);
  },
);
