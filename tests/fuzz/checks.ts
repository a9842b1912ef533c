import { GatewayError, type Completion, type JsonObject, type StreamEvent } from "@trunkline/contracts";
import {
  createCollector,
  createSseParser,
  dialects,
  plainTraits,
  type AnswerContext,
  type Dialect,
} from "@trunkline/dialects";

/** What must hold of whatever a client or an upstream sends. Each check throws when it does not. */

const all = Object.values(dialects);
const traits = { ...plainTraits, reasoningEffort: true, cacheControl: true };

export function contextFor(asJsonArray = false): AnswerContext {
  return {
    model: "m",
    echo: {},
    includeUsage: true,
    estimatedInputTokens: 1,
    asJsonArray,
    requestId: "req_fuzz",
    now: 1_700_000_000_000,
  };
}

/** Runs a step that may refuse with one of our errors, and with nothing else. */
function allowed<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof GatewayError && error.code !== "internal_error") return undefined;
    throw error;
  }
}

/** A value as it is on the wire. Throws when it cannot be written as JSON, or changes by it. */
function overTheWire(value: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/** A client's request: refused clearly, or decoded into something every upstream dialect can be asked, in requests we ourselves can read. */
export function checkRequest(dialect: Dialect, body: JsonObject): void {
  const conversation = allowed(() => dialect.decodeRequest(body, "m"));
  if (!conversation) return;
  for (const target of all) {
    const encoded = allowed(() => target.encodeRequest(conversation, "m", traits));
    if (!encoded) continue;
    target.decodeRequest(overTheWire(encoded.body), "m");
  }
}

/** A whole answer of an upstream: refused, or decoded into something every client can be told, in answers we ourselves can read. */
export function checkResponse(dialect: Dialect, body: JsonObject): void {
  dialect.readResponse(body);
  const completion = allowed(() => dialect.decodeResponse(body));
  if (!completion) return;
  for (const client of all) client.decodeResponse(overTheWire(client.encodeResponse(completion, contextFor())));
}

/** Events of a stream's bytes, fed in pieces of the given sizes. */
export function decodeStream(dialect: Dialect, bytes: Uint8Array, pieces: readonly number[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const emit = (event: StreamEvent) => void events.push(event);
  const decoder = dialect.createStreamDecoder();
  const tap = dialect.createUsageTap({ withholdUsage: true });
  const parser = createSseParser((name, data) => {
    tap.event(name, data);
    decoder.event(name, data, emit);
  });
  let from = 0;
  for (let turn = 0; from < bytes.length; turn++) {
    const size = pieces.length > 0 ? Math.max(1, pieces[turn % pieces.length]!) : bytes.length;
    parser.push(bytes.subarray(from, from + size));
    from += size;
  }
  decoder.close(emit);
  tap.result();
  return events;
}

/** The client's bytes for events, up to the first that ends the answer. */
export function encodeStream(client: Dialect, events: readonly StreamEvent[], asJsonArray = false): string {
  const encoder = client.createStreamEncoder(contextFor(asJsonArray));
  let text = "";
  for (const event of events) {
    text += encoder.encode(event);
    if (event.type === "end" || event.type === "error") break;
  }
  return text;
}

export function completionOf(events: readonly StreamEvent[]): Completion {
  const collector = createCollector();
  for (const event of events) collector.add(event);
  return collector.completion();
}

/** A stream of an upstream: however broken, it ends once, and every client gets a stream that it can read to the same end. */
export function checkStream(dialect: Dialect, bytes: Uint8Array, pieces: readonly number[]): void {
  const events = decodeStream(dialect, bytes, pieces);
  const last = events.at(-1);
  if (last?.type !== "end" && last?.type !== "error") throw new Error(`the stream ends in ${last?.type}`);
  const endings = events.filter(({ type }) => type === "end" || type === "error");
  if (endings.length !== 1) throw new Error(`the stream ends ${endings.length} times`);
  for (const client of all) {
    const text = encodeStream(client, events);
    const again = decodeStream(client, Buffer.from(text), []);
    if (again.at(-1)!.type !== last.type)
      throw new Error(`${client.name} makes ${again.at(-1)!.type} of ${last.type}: ${text.slice(-500)}`);
    if (client.name === "gemini") JSON.parse(encodeStream(client, events, true));
  }
}
