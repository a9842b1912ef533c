import { coded, type AnswerHandler, type Call, type ClientRequest, type ClientTimeouts } from "@trunkline/providers";
import { closeCodes, firstWindow, mostBodyBytes, ProtocolViolation, type WorkerFrame } from "../protocol/frames.ts";
import { connectionHeaders } from "../protocol/connection-headers.ts";
import { workerFailure } from "./worker-failure.ts";

/** How a stream reaches its worker. */
export type StreamLink = {
  readonly worker: string;
  send(
    frame: { readonly type: "request" | "body_end" | "cancel" | "credit"; readonly id: number } & Record<
      string,
      unknown
    >,
  ): void;
  sendBody(id: number, bytes: Uint8Array): void;
  /** Nothing more comes of the stream from either side. */
  onOver(id: number): void;
};

/** Milliseconds a worker gets to say that it has stopped. */
const cancelledMs = 30_000;

/** One request at a worker, and its answer. */
export class WorkerStream implements Call {
  private hasHead = false;
  /** The client hears nothing more. */
  private isDeaf = false;
  private isPaused = false;
  private isComplete = false;
  private sendable = firstWindow;
  private receivable = firstWindow;
  /** Passed on and not granted again yet. */
  private owed = 0;
  private body: Buffer;
  private hasBody: boolean;
  private waiting: Buffer[] = [];
  private timer: NodeJS.Timeout;
  private readonly deadline: NodeJS.Timeout;
  private readonly id: number;
  private readonly link: StreamLink;
  private readonly handler: AnswerHandler;
  private readonly timeouts: ClientTimeouts;

  constructor(id: number, link: StreamLink, request: ClientRequest, handler: AnswerHandler, timeouts: ClientTimeouts) {
    this.id = id;
    this.link = link;
    this.handler = handler;
    this.timeouts = timeouts;
    const { method, path, headers, body } = request;
    this.hasBody = body !== undefined;
    this.body = typeof body === "string" ? Buffer.from(body) : (body ?? Buffer.alloc(0));
    this.timer = setTimeout(() => this.giveUp("HEADERS_TIMEOUT"), timeouts.firstByte).unref();
    this.deadline = setTimeout(() => this.giveUp("TOTAL_TIMEOUT"), timeouts.total).unref();
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    link.send({ type: "request", id, method, path, headers: lower, body: this.hasBody });
    this.sendMore();
  }

  private sendMore(): void {
    if (!this.hasBody || this.isDeaf) return;
    while (this.body.length > 0 && this.sendable > 0) {
      const piece = this.body.subarray(0, Math.min(mostBodyBytes, this.sendable));
      this.sendable -= piece.length;
      this.body = this.body.subarray(piece.length);
      this.link.sendBody(this.id, piece);
    }
    if (this.body.length > 0) return;
    this.hasBody = false;
    this.link.send({ type: "body_end", id: this.id });
  }

  /** A frame of the worker's for this stream. Throws ProtocolViolation. */
  frame(frame: Extract<WorkerFrame, { id: number }>): void {
    switch (frame.type) {
      case "credit":
        this.sendable += frame.bytes;
        return this.sendMore();
      case "response": {
        if (this.hasHead) throw new ProtocolViolation("two responses to one request");
        this.hasHead = true;
        this.armIdle();
        if (this.isDeaf) return;
        const headers = Object.fromEntries(
          Object.entries(frame.headers).filter(([name]) => !connectionHeaders.has(name)),
        );
        return this.handler.head(frame.status, headers);
      }
      case "end":
        if (!this.hasHead && !this.isDeaf) throw new ProtocolViolation("an end before its response");
        this.isComplete = true;
        this.over();
        if (this.waiting.length === 0) this.tell(() => this.handler.end());
        return;
      case "error":
        this.over();
        return this.tell(() => this.handler.error(workerFailure(this.link.worker, frame.code, frame.message)));
    }
  }

  data(bytes: Buffer): void {
    if (!this.hasHead && !this.isDeaf) throw new ProtocolViolation("a body before its response");
    this.receivable -= bytes.length;
    if (this.receivable < 0) throw new ProtocolViolation("more bytes of a body than were granted", closeCodes.flow);
    if (this.isDeaf) return;
    this.timer.refresh();
    if (this.isPaused) this.waiting.push(bytes);
    else this.pass(bytes);
  }

  private pass(bytes: Buffer): void {
    this.owed += bytes.length;
    this.handler.data(bytes);
    if (this.owed < firstWindow / 2 || this.isDeaf || this.isComplete) return;
    this.receivable += this.owed;
    this.link.send({ type: "credit", id: this.id, bytes: this.owed });
    this.owed = 0;
  }

  private armIdle(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      // A reader that takes its time is no fault of the worker's.
      if (this.isPaused) this.timer.refresh();
      else this.giveUp("BODY_TIMEOUT");
    }, this.timeouts.idle).unref();
  }

  private tell(what: () => void): void {
    if (this.isDeaf) return;
    this.isDeaf = true;
    what();
  }

  private over(): void {
    clearTimeout(this.timer);
    clearTimeout(this.deadline);
    this.link.onOver(this.id);
  }

  private giveUp(code: "HEADERS_TIMEOUT" | "BODY_TIMEOUT" | "TOTAL_TIMEOUT"): void {
    const { handler } = this;
    const wasDeaf = this.isDeaf;
    this.cancel();
    if (!wasDeaf) handler.error(coded(code, "the worker took too long"));
  }

  /** The worker is gone, or was cut off. */
  lost(error: Error): void {
    this.over();
    this.waiting = [];
    this.tell(() => this.handler.error(error));
  }

  cancel(): void {
    if (this.isDeaf) return;
    this.isDeaf = true;
    this.waiting = [];
    this.body = Buffer.alloc(0);
    clearTimeout(this.timer);
    clearTimeout(this.deadline);
    if (this.isComplete) return;
    this.link.send({ type: "cancel", id: this.id });
    // One that never says that it has stopped keeps no place for ever.
    this.timer = setTimeout(() => this.over(), cancelledMs).unref();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    while (!this.isPaused && this.waiting.length > 0 && !this.isDeaf) this.pass(this.waiting.shift()!);
    if (this.isComplete && this.waiting.length === 0 && !this.isPaused) this.tell(() => this.handler.end());
    else if (this.hasHead && !this.isComplete) this.timer.refresh();
  }
}
