import { newId } from "@trunkline/contracts";
import type { AnswerHandler, Call, ClientRequest, ClientTimeouts } from "@trunkline/providers";
import type { WebSocket } from "ws";
import {
  bodyFrame,
  closeCodes,
  firstWindow,
  parseWorkerFrame,
  ProtocolViolation,
  type BodyFrame,
  type GatewayFrame,
  type WorkerFrame,
} from "../protocol/frames.ts";
import { createLink } from "../protocol/link.ts";
import { WorkerStream } from "./stream.ts";
import { workerLost } from "./worker-failure.ts";

export type SessionOptions = {
  readonly worker: string;
  /** The gateway's process, and how many there are. */
  readonly process: string;
  readonly processes: number;
  readonly pingMs: number;
  /** Milliseconds a session outlives its connection. */
  readonly resumeMs: number;
  /** Requests may have become possible, or impossible. */
  readonly onChange: () => void;
  /** It is over for good. */
  readonly onGone: (session: Session) => void;
  readonly onViolation: (session: Session, message: string) => void;
};

/** One worker, as long as it is there or may come back. */
export type Session = {
  readonly id: string;
  readonly worker: string;
  readonly agent: string;
  readonly capacity: number;
  readonly active: number;
  readonly served: number;
  /** Of answers' bodies, received so far. */
  readonly bytes: number;
  readonly since: number;
  /** From its connection's address. */
  readonly address: string;
  /** Takes requests now. */
  readonly isReady: boolean;
  readonly isConnected: boolean;
  start(request: ClientRequest, handler: AnswerHandler, timeouts: ClientTimeouts): Call;
  /** A connection, the first or a later one, that has said hello. */
  connect(socket: WebSocket, hello: Extract<WorkerFrame, { type: "hello" }>, address: string): void;
  message(socket: WebSocket, data: Buffer, isBinary: boolean): void;
  /** For good, when the worker has said goodbye. */
  disconnected(socket: WebSocket, isForGood: boolean): void;
  /** Ends it once what runs has ended; nothing new is asked of it. */
  retire(): void;
  /** Ends it: tells the worker, and whoever waits for its answers. */
  close(reason: string): void;
};

export function createSession(options: SessionOptions): Session {
  const { worker } = options;
  const id = newId("ws_");
  const streams = new Map<number, WorkerStream>();
  let socket: WebSocket | undefined;
  let agent = "";
  let capacity = 1;
  let address = "";
  let lastId = 0;
  let served = 0;
  let bytes = 0;
  let isDraining = false;
  let isOver = false;
  let heardAt = 0;
  let patience: NodeJS.Timeout | undefined;
  let pulse: NodeJS.Timeout | undefined;
  const since = Date.now();

  const link = createLink<WorkerFrame, GatewayFrame>({
    parse: parseWorkerFrame,
    onFrame,
    onViolation: (violation) => violated(violation),
  });

  function onFrame(frame: WorkerFrame | BodyFrame): void {
    if (isOver) return;
    switch (frame.type) {
      case "hello":
        throw new ProtocolViolation("a second hello");
      case "drain":
        isDraining = true;
        if (streams.size === 0) finish("drained", closeCodes.done);
        return options.onChange();
      case "body":
        bytes += frame.bytes.length;
        return streamOf(frame.id).data(frame.bytes);
      case "response":
      case "end":
      case "error":
      case "credit":
        return streamOf(frame.id, frame.type === "credit").frame(frame);
    }
  }

  const nobody = { frame() {}, data() {} };

  /** Credit may cross the end of its stream on the way. */
  function streamOf(streamId: number, mayBeOver = false): Pick<WorkerStream, "frame" | "data"> {
    const stream = streams.get(streamId);
    if (stream) return stream;
    if (mayBeOver && streamId <= lastId) return nobody;
    throw new ProtocolViolation(`a frame for the request ${streamId}, which is not open`);
  }

  function violated({ message, closeCode }: ProtocolViolation): void {
    if (isOver) return;
    options.onViolation(session, message);
    finish(`broke the protocol (${message})`, closeCode);
  }

  function finish(reason: string, closeCode: number): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(patience);
    clearInterval(pulse);
    link.close();
    socket?.close(closeCode, reason.slice(0, 120));
    // A peer that does not close in turn is not waited for.
    const closing = socket;
    setTimeout(() => closing?.terminate(), 1000).unref();
    for (const stream of streams.values()) stream.lost(workerLost(worker, reason));
    options.onGone(session);
  }

  function beat(): void {
    if (Date.now() - heardAt > options.pingMs * 2) return socket?.terminate();
    link.send({ type: "ping", t: Date.now() } as GatewayFrame);
  }

  const session: Session = {
    id,
    worker,
    since,
    get agent() {
      return agent;
    },
    get capacity() {
      return capacity;
    },
    get active() {
      return streams.size;
    },
    get served() {
      return served;
    },
    get bytes() {
      return bytes;
    },
    get address() {
      return address;
    },
    get isConnected() {
      return socket !== undefined;
    },
    get isReady() {
      return !isOver && !isDraining && socket !== undefined && streams.size < capacity;
    },
    start(request, handler, timeouts) {
      const streamId = ++lastId;
      served++;
      const stream = new WorkerStream(
        streamId,
        {
          worker,
          send: (frame) => link.send(frame as unknown as GatewayFrame),
          sendBody: (to, piece) => link.sendBody(bodyFrame(to, piece)),
          onOver(over) {
            streams.delete(over);
            if (isDraining && streams.size === 0) finish("drained", closeCodes.done);
            else options.onChange();
          },
        },
        request,
        handler,
        timeouts,
      );
      streams.set(streamId, stream);
      return stream;
    },
    connect(next, hello, from) {
      socket?.close(closeCodes.replaced, "the session goes on over another connection");
      link.detach();
      socket = next;
      // A worker is asked by every process: each has its share of it.
      capacity = Math.max(1, Math.floor(hello.capacity / options.processes));
      agent = hello.agent ?? "";
      address = from;
      clearTimeout(patience);
      heardAt = Date.now();
      clearInterval(pulse);
      pulse = setInterval(beat, options.pingMs).unref();
      const { resume } = hello;
      next.send(
        JSON.stringify({
          type: "welcome",
          version: 1,
          session: id,
          resumed: resume?.session === id,
          received: link.received,
          window: firstWindow,
          ping_seconds: Math.max(1, Math.round(options.pingMs / 1000)),
          process: options.process,
          processes: options.processes,
          resume_seconds: Math.max(1, Math.round(options.resumeMs / 1000)),
        } satisfies GatewayFrame),
      );
      try {
        link.attach(next, resume?.session === id ? resume.received : 0);
      } catch (error) {
        return violated(error as ProtocolViolation);
      }
      options.onChange();
    },
    message(from, data, isBinary) {
      // What a replaced connection still brings comes again over the new one.
      if (from !== socket) return;
      heardAt = Date.now();
      link.message(data, isBinary);
    },
    disconnected(which, isForGood) {
      if (isOver || which !== socket) return;
      if (isForGood) return finish("left", closeCodes.done);
      socket = undefined;
      link.detach();
      clearInterval(pulse);
      patience = setTimeout(() => finish("was lost", closeCodes.silent), options.resumeMs).unref();
      options.onChange();
    },
    retire() {
      isDraining = true;
      link.send({ type: "bye", reason: "this process of the gateway is replaced" });
      if (streams.size === 0) finish("drained", closeCodes.goingAway);
    },
    close(reason) {
      if (socket && !isOver) link.send({ type: "bye", reason });
      finish(reason, closeCodes.goingAway);
    },
  };
  return session;
}
