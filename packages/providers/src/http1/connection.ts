import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { afterPoll } from "../shared/after-poll.ts";
import { createResponseParser, type ResponseHeaders } from "./response-parser.ts";

/** One answer, as its owner hears of it. `error` or `end` comes last, and only one of them. */
export type AnswerHandler = {
  head(status: number, headers: ResponseHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  error(error: unknown): void;
};

export type Connection = {
  /** Sends a request and tells the handler of its answer. Only when the connection is free. */
  send(head: string, body: Buffer | string | undefined, handler: AnswerHandler): void;
  isOpen(): boolean;
  pause(): void;
  resume(): void;
  destroy(): void;
};

export type ConnectionOptions = {
  readonly origin: URL;
  /** Milliseconds until the connection must stand. */
  readonly connectTimeout: number;
  /** The TLS session to resume, and where a new one is put. */
  readonly session: { ticket: Buffer | undefined };
  /** The connection may be used for another request, for as many milliseconds as the server said it keeps it. */
  readonly onFree: (connection: Connection, keptMs: number) => void;
  readonly onClosed: (connection: Connection) => void;
};

/** A body up to this many bytes is copied behind its head, so that both leave in one write. */
const copiedBody = 64 * 1024;

/** One connection to a server, one request at a time. */
export function openConnection(options: ConnectionOptions): Connection {
  const socket = open(options);
  let handler: AnswerHandler | undefined;
  /** Bytes of the request still on their way: an answer that comes first leaves a connection nobody can use again. */
  let sending = false;
  const sent = () => (sending = false);
  const uncork = () => socket.uncork();
  let keptMs = Number.POSITIVE_INFINITY;
  let failure: unknown;
  let standing = false;
  const parser = createResponseParser({
    head(status, headers) {
      const hint = headers["keep-alive"] === undefined ? undefined : /timeout=(\d{1,6})/.exec(headers["keep-alive"]);
      // A second less, so that we never write into a connection about to be closed.
      if (hint) keptMs = Number(hint[1]) * 1000 - 1000;
      handler?.head(status, headers);
    },
    data: (chunk) => handler?.data(chunk),
    end(reusable) {
      const done = handler;
      handler = undefined;
      if (reusable && !sending && done && keptMs > 0 && !socket.destroyed) {
        // A slow client may have paused the answer's last piece.
        if (socket.isPaused()) socket.resume();
        options.onFree(connection, keptMs);
      } else socket.destroy();
      done?.end();
    },
  });

  const patience = setTimeout(
    () => socket.destroy(coded("CONNECT_TIMEOUT", "no connection in time")),
    options.connectTimeout,
  );
  socket.once(options.origin.protocol === "https:" ? "secureConnect" : "connect", () => {
    standing = true;
    clearTimeout(patience);
  });
  socket.on("data", (bytes: Buffer) => {
    // A server that speaks unasked has something to say we do not understand.
    if (!handler) return void socket.destroy();
    try {
      parser.push(bytes);
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
  socket.on("end", () => {
    if (handler && !parser.close()) socket.destroy(coded("ECONNRESET", "closed before the answer was complete"));
    else socket.destroy();
  });
  socket.on("error", (error) => (failure = error));
  socket.on("close", () => {
    clearTimeout(patience);
    const waiting = handler;
    handler = undefined;
    options.onClosed(connection);
    const code = (failure as { code?: unknown } | undefined)?.code;
    // Before it stood nothing was sent: that is told apart, because asking again is safe then.
    if (!standing && (!failure || code === "ECONNRESET")) failure = coded("CONNECT_RESET", "closed while connecting");
    waiting?.error(failure ?? coded("ECONNRESET", "the connection closed"));
  });

  const connection: Connection = {
    send(head, body, given) {
      handler = given;
      parser.reset();
      keptMs = Number.POSITIVE_INFINITY;
      sending = true;
      socket.cork();
      afterPoll(uncork);
      if (body === undefined) socket.write(head, "latin1", sent);
      else if (typeof body === "string") {
        socket.cork();
        socket.write(head, "latin1");
        socket.write(body, "utf8", sent);
        socket.uncork();
      } else if (body.length <= copiedBody) {
        const whole = Buffer.allocUnsafe(head.length + body.length);
        whole.write(head, 0, "latin1");
        body.copy(whole, head.length);
        socket.write(whole, sent);
      } else {
        socket.cork();
        socket.write(head, "latin1");
        socket.write(body, sent);
        socket.uncork();
      }
    },
    isOpen: () => !socket.destroyed && socket.writable,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy() {
      handler = undefined;
      socket.destroy();
    },
  };
  return connection;
}

function open({ origin, session }: ConnectionOptions): Socket {
  const secure = origin.protocol === "https:";
  const host = origin.hostname.replace(/^\[|\]$/g, "");
  const port = Number(origin.port || (secure ? 443 : 80));
  const socket = secure
    ? connectSecure({
        host,
        port,
        // A name only: RFC 6066 §3 has no addresses here.
        ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
        ALPNProtocols: ["http/1.1"],
        ...(session.ticket ? { session: session.ticket } : {}),
      }).on("session", (ticket) => (session.ticket = ticket))
    : connectPlain({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  return socket;
}

export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
