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

type Running = {
  /** Its place in the list of running calls. */
  index: number;
  /** Ticks of the clock at which it has taken too long. */
  deadline: number;
  readonly totalDeadline: number;
  waitingFor: "head" | "body";
  paused: boolean;
  expire(error: Error): void;
};

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

/**
 * HTTP/1.1 to one origin: kept connections, the last one used first. It does what a gateway needs of a client and no more: no promise,
 * no stream and no timer per request.
 */
export function createHttpClient(origin: URL, timeouts: ClientTimeouts): HttpClient {
  const idle: { readonly connection: Connection; readonly until: number }[] = [];
  /**
   * A list, not a Set: a Set that is added to and deleted from makes new tables all the time, and each old one, once in the old
   * generation, keeps the requests it last held alive until a full collection.
   */
  const running: Running[] = [];
  const session = { ticket: undefined as Buffer | undefined };
  const hostHeader = `host: ${origin.host}\r\n`;
  /** Times are counted in ticks of one timer, which the wall clock cannot upset. */
  const tickMs = Math.min(
    1000,
    Math.max(10, Math.floor(Math.min(timeouts.firstByte, timeouts.idle, timeouts.total) / 10)),
  );
  const ticks = (ms: number) => Math.ceil(ms / tickMs) + 1;
  const [firstByteTicks, idleTicks, totalTicks, lifeTicks] = [
    timeouts.firstByte,
    timeouts.idle,
    timeouts.total,
    longestLife,
  ].map(ticks) as [number, number, number, number];
  let now = 0;
  let clock: NodeJS.Timeout | undefined;
  let closed = false;

  function tick(): void {
    now++;
    // Those that expire leave the list while it is walked.
    for (const call of [...running]) {
      if (now >= call.totalDeadline) call.expire(coded("TOTAL_TIMEOUT", "the request took too long"));
      else if (now >= call.deadline && !call.paused)
        call.expire(
          call.waitingFor === "head"
            ? coded("HEADERS_TIMEOUT", "no answer in time")
            : coded("BODY_TIMEOUT", "the answer stopped"),
        );
    }
    for (const { connection } of idle.filter(({ until }) => now >= until)) connection.destroy();
    if (running.length > 0 || idle.length > 0) return;
    clearInterval(clock);
    clock = undefined;
  }

  function obtain(): Connection {
    // One that has just been closed leaves the list a moment later.
    for (let kept = idle.pop(); kept; kept = idle.pop()) if (kept.connection.isOpen()) return kept.connection;
    const oldest = now + lifeTicks;
    return openConnection({
      origin,
      connectTimeout: timeouts.connect,
      session,
      onFree(connection, keptMs) {
        if (closed || now >= oldest) connection.destroy();
        else idle.push({ connection, until: now + ticks(Math.min(keptUnused, keptMs)) });
      },
      onClosed(connection) {
        const at = idle.findIndex((entry) => entry.connection === connection);
        if (at >= 0) idle.splice(at, 1);
      },
    });
  }

  return {
    send({ method, path, headers, body }, handler) {
      clock ??= setInterval(tick, tickMs).unref();
      const length = body === undefined ? (method === "POST" ? 0 : undefined) : Buffer.byteLength(body);
      const head = `${method} ${path} HTTP/1.1\r\n${hostHeader}${headerLines(headers)}${length === undefined ? "" : `content-length: ${length}\r\n`}\r\n`;
      let over = false;
      const connection = obtain();
      const call: Running = {
        index: running.length,
        deadline: now + firstByteTicks,
        totalDeadline: now + totalTicks,
        waitingFor: "head",
        paused: false,
        expire(error) {
          finish();
          connection.destroy();
          handler.error(error);
        },
      };
      function finish(): void {
        over = true;
        const last = running.pop()!;
        if (last === call) return;
        running[call.index] = last;
        last.index = call.index;
      }
      running.push(call);
      connection.send(head, body, {
        head(status: number, answerHeaders: ResponseHeaders) {
          call.waitingFor = "body";
          call.deadline = now + idleTicks;
          if (!over) handler.head(status, answerHeaders);
        },
        data(chunk) {
          call.deadline = now + idleTicks;
          if (!over) handler.data(chunk);
        },
        end() {
          if (over) return;
          finish();
          handler.end();
        },
        error(error) {
          if (over) return;
          finish();
          handler.error(error);
        },
      });
      return {
        cancel() {
          if (over) return;
          finish();
          connection.destroy();
        },
        pause() {
          if (over) return;
          call.paused = true;
          connection.pause();
        },
        resume() {
          if (over) return;
          call.paused = false;
          call.deadline = now + idleTicks;
          connection.resume();
        },
      };
    },
    close() {
      closed = true;
      for (const { connection } of idle.splice(0)) connection.destroy();
    },
  };
}
