import { createServer } from "node:http";

/** A field of a protobuf message: its number and what it holds. */
type Field = { readonly number: number; readonly value: bigint | Buffer };

/** Reads a message's fields, as the wire has them (protobuf.dev/programming-guides/encoding). */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const number = key >> 3;
    const type = key & 7;
    if (type === 0) fields.push({ number, value: varint() });
    else if (type === 1) {
      fields.push({ number, value: message.subarray(at, at + 8) });
      at += 8;
    } else if (type === 2) {
      const length = Number(varint());
      fields.push({ number, value: message.subarray(at, at + length) });
      at += length;
    } else if (type === 5) {
      fields.push({ number, value: message.subarray(at, at + 4) });
      at += 4;
    } else throw new Error(`wire type ${type}`);
  }
  return fields;
}

const all = (message: Buffer, number: number) =>
  fieldsOf(message).flatMap((field) => (field.number === number ? [field.value as Buffer] : []));
const first = (message: Buffer, number: number) => fieldsOf(message).find((field) => field.number === number)?.value;

type Value = string | number | boolean | Value[];

/** `AnyValue`: string 1, bool 2, int 3, double 4, array 5. */
function anyValue(message: Buffer): Value {
  const [field] = fieldsOf(message);
  if (!field) return "";
  const { number, value } = field;
  if (number === 1) return (value as Buffer).toString();
  if (number === 2) return value === 1n;
  if (number === 3) return Number(value);
  if (number === 4) return (value as Buffer).readDoubleLE();
  return all(value as Buffer, 1).map(anyValue);
}

function attributesOf(message: Buffer, number: number): Record<string, Value> {
  return Object.fromEntries(
    all(message, number).map((pair) => [(first(pair, 1) as Buffer).toString(), anyValue(first(pair, 2) as Buffer)]),
  );
}

export type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  readonly durationMs: number;
  readonly attributes: Record<string, Value>;
  readonly resource: Record<string, Value>;
};

/** `ExportTraceServiceRequest`: resource spans 1 → scope spans 2 → spans 2. */
function spansOf(body: Buffer): Span[] {
  return all(body, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(first(resourceSpans, 1) as Buffer, 1);
    return all(resourceSpans, 2).flatMap((scopeSpans) =>
      all(scopeSpans, 2).map((span) => {
        const hex = (number: number) =>
          ((first(span, number) as Buffer | undefined) ?? Buffer.alloc(0)).toString("hex");
        const time = (number: number) => (first(span, number) as Buffer).readBigUInt64LE();
        return {
          traceId: hex(1),
          spanId: hex(2),
          parentId: hex(4),
          name: (first(span, 5) as Buffer).toString(),
          kind: Number(first(span, 6)),
          durationMs: Number(time(8) - time(7)) / 1e6,
          attributes: attributesOf(span, 9),
          resource,
        };
      }),
    );
  });
}

/** Takes traces as an OpenTelemetry collector does. */
export async function startCollector() {
  const spans: Span[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      headers.push({ ...request.headers, url: request.url });
      spans.push(...spansOf(Buffer.concat(pieces)));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    spans,
    headers,
    origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
