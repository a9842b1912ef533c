import { z } from "zod";

/** What the subprotocol is called in the WebSocket's handshake; its number is the protocol's version. */
export const subprotocols = ["trunkline.worker.v1"] as const;
/** A client that cannot set headers sends its token as a second subprotocol that begins so. */
export const tokenSubprotocol = "trunkline.token.";

/** Most bytes of a body in one binary frame. */
export const mostBodyBytes = 64 * 1024;
/** Bytes of a body a side may send before it is granted more. */
export const firstWindow = 256 * 1024;
/** Most bytes granted and not used. */
export const mostCredit = 16 * 1024 * 1024;
/** Longest JSON frame, in bytes. */
export const longestFrame = 512 * 1024;

const id = z.int().min(1).max(0xffff_ffff).describe("The request's number, new for each request of a session.");
const headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9a-z-]+$/, "a header's name in lower case"),
    z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/),
  )
  .describe("Names in lower case. Several values of one name are joined by a comma.");
const received = z.int().nonnegative().describe("Counted frames received so far in this session.");

/** What a worker sends. `hello` comes first. */
export const workerFrames = {
  hello: z
    .strictObject({
      type: z.literal("hello"),
      agent: z.string().max(200).optional().describe("What the worker is, for the operator to read."),
      capacity: z.int().min(1).max(1000).default(8).describe("Requests it takes at once."),
      resume: z
        .strictObject({ session: z.string().max(100), received })
        .optional()
        .describe("Goes on with a session whose connection was lost."),
    })
    .describe("The first frame of a connection."),
  response: z
    .strictObject({ type: z.literal("response"), id, status: z.int().min(200).max(599), headers })
    .describe(
      "The answer begins. Its body, already decoded, follows in binary frames: no content-encoding, no content-length.",
    ),
  end: z.strictObject({ type: z.literal("end"), id }).describe("The answer's body is complete."),
  error: z
    .strictObject({
      type: z.literal("error"),
      id,
      code: z.enum(["unreachable", "timeout", "signed_out", "refused", "cancelled", "internal"]),
      message: z.string().max(2000),
    })
    .describe("The request failed, or was cancelled; nothing more comes of it."),
  drain: z
    .strictObject({ type: z.literal("drain") })
    .describe("Takes no new requests; the gateway closes when those that run have ended."),
} as const;

/** What the gateway sends. */
export const gatewayFrames = {
  welcome: z
    .strictObject({
      type: z.literal("welcome"),
      version: z.literal(1),
      session: z.string().describe("To go on with after the connection was lost."),
      resumed: z.boolean().describe("False when a session that was to be resumed is gone: everything of it is."),
      received,
      window: z.int().positive().describe("Bytes of each body either side may send before it is granted more."),
      ping_seconds: z
        .int()
        .positive()
        .describe("A side that hears nothing for twice as long takes the connection for lost."),
      process: z.string().describe("Which of the gateway's processes this is."),
      processes: z
        .int()
        .positive()
        .describe(
          "How many there are. Each asks the workers connected to it: connect until you are at every one of them.",
        ),
      resume_seconds: z.int().positive().describe("How long a session outlives its connection."),
    })
    .describe("The answer to hello."),
  request: z
    .strictObject({
      type: z.literal("request"),
      id,
      method: z.enum(["GET", "POST", "DELETE"]),
      path: z.string().startsWith("/").describe("Path and query. Where it goes is the worker's to decide."),
      headers,
      body: z.boolean().describe("A body follows in binary frames, up to body_end."),
    })
    .describe("A request to make."),
  body_end: z.strictObject({ type: z.literal("body_end"), id }).describe("The request's body is complete."),
  cancel: z
    .strictObject({ type: z.literal("cancel"), id })
    .describe(
      "Nobody waits for the answer any more. The worker stops and says error (cancelled), or end if it had just ended.",
    ),
  bye: z
    .strictObject({ type: z.literal("bye"), reason: z.string() })
    .describe("The gateway is about to close the connection for good."),
} as const;

/** What either side sends. */
export const sharedFrames = {
  credit: z
    .strictObject({ type: z.literal("credit"), id, bytes: z.int().min(1).max(mostCredit) })
    .describe("The other side may send so many more bytes of this request's body."),
  ack: z
    .strictObject({ type: z.literal("ack"), received })
    .describe("At least every 64 counted frames and every second in which some came."),
  ping: z.strictObject({ type: z.literal("ping"), t: z.int() }).describe("Answered by pong with the same t."),
  pong: z.strictObject({ type: z.literal("pong"), t: z.int() }),
} as const;

/** Frames that are not counted, and not sent again when a session is resumed. */
export const uncounted: ReadonlySet<string> = new Set(["hello", "welcome", "ack", "ping", "pong", "drain", "bye"]);

const fromWorker = z.discriminatedUnion("type", [
  workerFrames.hello,
  workerFrames.response,
  workerFrames.end,
  workerFrames.error,
  workerFrames.drain,
  sharedFrames.credit,
  sharedFrames.ack,
  sharedFrames.ping,
  sharedFrames.pong,
]);
const fromGateway = z.discriminatedUnion("type", [
  gatewayFrames.welcome,
  gatewayFrames.request,
  gatewayFrames.body_end,
  gatewayFrames.cancel,
  gatewayFrames.bye,
  sharedFrames.credit,
  sharedFrames.ack,
  sharedFrames.ping,
  sharedFrames.pong,
]);

export type WorkerFrame = z.output<typeof fromWorker>;
export type GatewayFrame = z.output<typeof fromGateway>;
export type BodyFrame = { readonly type: "body"; readonly id: number; readonly bytes: Buffer };

/** Numbers of the WebSocket's close, and what they mean. */
export const closeCodes = {
  done: 1000,
  goingAway: 1001,
  malformed: 4400,
  flow: 4402,
  silent: 4408,
  replaced: 4409,
} as const;

/** A frame that breaks the protocol, in words for whoever wrote the other side. */
export class ProtocolViolation extends Error {
  readonly closeCode: number;
  constructor(message: string, closeCode: number = closeCodes.malformed) {
    super(message);
    this.closeCode = closeCode;
  }
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolViolation("a text frame that is not JSON");
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new ProtocolViolation(
    `a frame that breaks its schema${path.length === 0 ? "" : ` at '${path.join(".")}'`}: ${message}`,
  );
}

export const parseWorkerFrame = (text: string): WorkerFrame => parse(fromWorker, text);
export const parseGatewayFrame = (text: string): GatewayFrame => parse(fromGateway, text);

/** Four bytes of the request's number, big-endian, then the bytes of its body. */
export function bodyFrame(id: number, bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + bytes.length);
  frame.writeUInt32BE(id, 0);
  frame.set(bytes, 4);
  return frame;
}

export function parseBodyFrame(frame: Buffer): BodyFrame {
  if (frame.length < 5) throw new ProtocolViolation("a binary frame without a body");
  if (frame.length > 4 + mostBodyBytes)
    throw new ProtocolViolation(`a binary frame of more than ${mostBodyBytes} bytes of a body`);
  return { type: "body", id: frame.readUInt32BE(0), bytes: frame.subarray(4) };
}
