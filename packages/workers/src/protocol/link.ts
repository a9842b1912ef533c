import type { WebSocket } from "ws";
import { parseBodyFrame, ProtocolViolation, uncounted, type BodyFrame } from "./frames.ts";

/** Counted frames a side may leave unacknowledged before it is taken for broken. */
const mostUnacknowledged = 8192;
const ackEveryFrames = 32;
const ackEveryMs = 500;

type Typed = { readonly type: string };

/** One session's frames, over one WebSocket after the other: those that were not acknowledged are sent again after a loss. */
export type Link<Out extends Typed> = {
  readonly received: number;
  send(frame: Out): void;
  /** Counted like every frame that is not the connection's own business. */
  sendBody(bytes: Buffer): void;
  /** Goes on over another socket: the other side has this many of our frames. Throws ProtocolViolation. */
  attach(socket: WebSocket, peerReceived: number): void;
  detach(): void;
  close(): void;
};

export type LinkOptions<In extends Typed> = {
  readonly parse: (text: string) => In;
  readonly onFrame: (frame: In | BodyFrame) => void;
  /** A frame that breaks the protocol, or a listener that threw. */
  readonly onViolation: (violation: ProtocolViolation) => void;
};

export function createLink<In extends Typed, Out extends Typed>(
  options: LinkOptions<In>,
): Link<Out> & {
  /** A message of the socket in use. */
  message(data: Buffer, isBinary: boolean): void;
} {
  let socket: WebSocket | undefined;
  let received = 0;
  let told = 0;
  /** Sent and not acknowledged; the first has the number `acknowledged + 1`. */
  let unacknowledged: (string | Buffer)[] = [];
  let acknowledged = 0;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    clearTimeout(timer);
    timer = undefined;
    if (told === received || !socket) return;
    told = received;
    socket.send(JSON.stringify({ type: "ack", received }));
  }

  function count(): void {
    received++;
    if (received - told >= ackEveryFrames) tell();
    else timer ??= setTimeout(tell, ackEveryMs).unref();
  }

  function sendCounted(data: string | Buffer): void {
    unacknowledged.push(data);
    if (unacknowledged.length > mostUnacknowledged)
      return options.onViolation(new ProtocolViolation("frames are not acknowledged"));
    socket?.send(data);
  }

  function forget(peerReceived: number): void {
    const count = peerReceived - acknowledged;
    if (count < 0 || count > unacknowledged.length)
      throw new ProtocolViolation(
        `an acknowledgement of ${peerReceived} frames; ${acknowledged + unacknowledged.length} were sent`,
      );
    unacknowledged = unacknowledged.slice(count);
    acknowledged = peerReceived;
  }

  function take(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      const frame = parseBodyFrame(data);
      count();
      return options.onFrame(frame);
    }
    const frame = options.parse(data.toString("utf8"));
    if (frame.type === "ack") return forget((frame as unknown as { received: number }).received);
    if (frame.type === "ping") return socket?.send(JSON.stringify({ ...frame, type: "pong" }));
    if (!uncounted.has(frame.type)) count();
    options.onFrame(frame);
  }

  return {
    get received() {
      return received;
    },
    send(frame) {
      const text = JSON.stringify(frame);
      if (uncounted.has(frame.type)) socket?.send(text);
      else sendCounted(text);
    },
    sendBody: sendCounted,
    attach(next, peerReceived) {
      forget(peerReceived);
      socket = next;
      for (const data of unacknowledged) socket.send(data);
    },
    detach() {
      socket = undefined;
      clearTimeout(timer);
      timer = undefined;
      // Told anew with the next hello or welcome.
      told = received;
    },
    close() {
      clearTimeout(timer);
      socket = undefined;
      unacknowledged = [];
    },
    message(data, isBinary) {
      try {
        take(data, isBinary);
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error;
        options.onViolation(error);
      }
    },
  };
}
