import { validateHeaderName, validateHeaderValue } from "node:http";
import { coded, openConnection, type AnswerHandler, type Connection } from "./connection.ts";
import type { ResponseHeaders } from "./response-parser.ts";

/** Milliseconds. */
export type ClientTimeouts = {
  /** Until the connection stands. */
  readonly connect: number;
  /** Until the answer's head has come. */
  readonly firstByte: number;
  /** Between two pieces of the answer. */
  readonly idle: number;
  /** The whole request. */
  readonly total: number;
};

export type ClientRequest = {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query, already encoded. */
  readonly path: string;
  /** Without `host` and `content-length`. The same object again costs nothing to write out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
};

export type Call = { cancel(): void; pause(): void; resume(): void };

export type HttpClient = {
  /** Throws only on headers that cannot be written; after `cancel` the handler hears nothing more. */
  send(request: ClientRequest, handler: AnswerHandler): Call;
  /** Closes what is idle now and what runs when it has ended. */
  close(): void;
};

/** Milliseconds an unused connection is kept. Below the 60 s many servers allow, so that we are the one to close. */
const keptUnused = 30_000;
/** Milliseconds after which a connection is not used again, so that a change of the host's addresses is noticed under steady load too. */
const longestLife = 300_000;

const written = new WeakMap<object, string>();

/** Header lines, each ended by CRLF. Throws on a name or value that would break out of its line. */
function headerLines(headers: Readonly<Record<string, string>>): string {
  let lines = written.get(headers);
  if (lines !== undefined) return lines;
  lines = "";
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  written.set(headers, lines);
  return lines;
}

/** Counts time in ticks of one timer, which the wall clock cannot upset and which costs a request nothing. */
class Clock {
  now = 0;
  readonly running: RunningCall[] = [];
  readonly firstByte: number;
  readonly idle: number;
  readonly total: number;
  private readonly tickMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(timeouts: ClientTimeouts) {
    const { firstByte, idle, total } = timeouts;
    this.tickMs = Math.min(1000, Math.max(10, Math.floor(Math.min(firstByte, idle, total) / 10)));
    this.firstByte = this.ticks(firstByte);
    this.idle = this.ticks(idle);
    this.total = this.ticks(total);
  }

  ticks(ms: number): number {
    return Math.ceil(ms / this.tickMs) + 1;
  }

  /** Runs until `onTick` says that nothing waits any more. */
  start(onTick: () => boolean): void {
    this.timer ??= setInterval(() => {
      this.now++;
      // Those that expire leave the list while it is walked.
      for (const call of this.running.slice()) call.expire();
      if (onTick() || this.running.length > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    }, this.tickMs).unref();
  }
}

/**
 * One request under way, between its connection and its handler. A class, and one object for both sides: a request makes no closures.
 * The list it stands in is an array, not a Set: a Set that is added to and deleted from makes new tables all the time, and each old one,
 * once in the old generation, keeps the requests it last held alive until a full collection.
 */
class RunningCall implements AnswerHandler, Call {
  private index: number;
  private deadline: number;
  private readonly totalDeadline: number;
  private hasHead = false;
  private paused = false;
  private over = false;
  private readonly clock: Clock;
  private readonly connection: Connection;
  private readonly handler: AnswerHandler;

  constructor(clock: Clock, connection: Connection, handler: AnswerHandler) {
    this.clock = clock;
    this.connection = connection;
    this.handler = handler;
    this.deadline = clock.now + clock.firstByte;
    this.totalDeadline = clock.now + clock.total;
    this.index = clock.running.push(this) - 1;
  }

  private finish(): void {
    this.over = true;
    const { running } = this.clock;
    const last = running.pop()!;
    if (last === this) return;
    running[this.index] = last;
    last.index = this.index;
  }

  expire(): void {
    const { now } = this.clock;
    if (this.over) return;
    if (now >= this.totalDeadline) this.fail(coded("TOTAL_TIMEOUT", "the request took too long"));
    else if (now >= this.deadline && !this.paused)
      this.fail(
        this.hasHead ? coded("BODY_TIMEOUT", "the answer stopped") : coded("HEADERS_TIMEOUT", "no answer in time"),
      );
  }

  private fail(error: Error): void {
    this.finish();
    this.connection.destroy();
    this.handler.error(error);
  }

  head(status: number, headers: ResponseHeaders): void {
    if (this.over) return;
    this.hasHead = true;
    this.deadline = this.clock.now + this.clock.idle;
    this.handler.head(status, headers);
  }

  data(chunk: Buffer): void {
    if (this.over) return;
    this.deadline = this.clock.now + this.clock.idle;
    this.handler.data(chunk);
  }

  end(): void {
    if (this.over) return;
    this.finish();
    this.handler.end();
  }

  error(error: unknown): void {
    if (this.over) return;
    this.finish();
    this.handler.error(error);
  }

  cancel(): void {
    if (this.over) return;
    this.finish();
    this.connection.destroy();
  }

  pause(): void {
    if (this.over) return;
    this.paused = true;
    this.connection.pause();
  }

  resume(): void {
    if (this.over || !this.paused) return;
    this.paused = false;
    this.deadline = this.clock.now + this.clock.idle;
    this.connection.resume();
  }
}

/**
 * HTTP/1.1 to one origin: kept connections, the last one used first. It does what a gateway needs of a client and no more: no promise,
 * no stream and no timer per request.
 */
export function createHttpClient(origin: URL, timeouts: ClientTimeouts): HttpClient {
  const clock = new Clock(timeouts);
  const life = clock.ticks(longestLife);
  const idle: { readonly connection: Connection; readonly until: number }[] = [];
  const session = { ticket: undefined as Buffer | undefined };
  const hostHeader = `host: ${origin.host}\r\n`;
  let closed = false;

  function closeOld(): boolean {
    for (const { connection } of idle.filter(({ until }) => clock.now >= until)) connection.destroy();
    return idle.length > 0;
  }

  function obtain(): Connection {
    // One that has just been closed leaves the list a moment later.
    for (let kept = idle.pop(); kept; kept = idle.pop()) if (kept.connection.isOpen()) return kept.connection;
    const oldest = clock.now + life;
    return openConnection({
      origin,
      connectTimeout: timeouts.connect,
      session,
      onFree(connection, keptMs) {
        if (closed || clock.now >= oldest) connection.destroy();
        else idle.push({ connection, until: clock.now + clock.ticks(Math.min(keptUnused, keptMs)) });
      },
      onClosed(connection) {
        const at = idle.findIndex((entry) => entry.connection === connection);
        if (at >= 0) idle.splice(at, 1);
      },
    });
  }

  return {
    send({ method, path, headers, body }, handler) {
      const length = body === undefined ? (method === "POST" ? 0 : undefined) : Buffer.byteLength(body);
      const lengthHeader = length === undefined ? "" : `content-length: ${length}\r\n`;
      const head = `${method} ${path} HTTP/1.1\r\n${hostHeader}${headerLines(headers)}${lengthHeader}\r\n`;
      clock.start(closeOld);
      const connection = obtain();
      const call = new RunningCall(clock, connection, handler);
      connection.send(head, body, call);
      return call;
    },
    close() {
      closed = true;
      for (const { connection } of idle.splice(0)) connection.destroy();
    },
  };
}
