import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { GatewayError } from "@trunkline/contracts";
import {
  createLateCall,
  type AnswerHandler,
  type Call,
  type ClientRequest,
  type ClientTimeouts,
  type HttpClient,
} from "@trunkline/providers";
import { WebSocketServer, type WebSocket } from "ws";
import {
  closeCodes,
  longestFrame,
  parseWorkerFrame,
  ProtocolViolation,
  subprotocols,
  tokenSubprotocol,
} from "../protocol/frames.ts";
import { createSession, type Session } from "./session.ts";

export type HubOptions = {
  /** The worker a token is for; undefined when it is nobody's. */
  readonly workerOf: (token: string) => Promise<string | undefined>;
  readonly onEvent: (event: HubEvent) => void;
  /** This process of the gateway, and how many there are. */
  readonly process: string;
  readonly processes: number;
  readonly pingMs?: number;
  readonly resumeMs?: number;
  /** Milliseconds a connection gets to say hello. */
  readonly helloMs?: number;
};

export type HubEvent = {
  readonly type: "connected" | "resumed" | "gone" | "violation" | "refused";
  readonly worker: string;
  readonly detail: string;
};

export type WorkerReport = Pick<
  Session,
  "id" | "worker" | "agent" | "address" | "capacity" | "active" | "served" | "bytes" | "since" | "isConnected"
>;

export type WorkerHub = {
  /** Takes over a connection that asks to become a WebSocket. */
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** A client whose requests are made by whichever worker of this name has room. */
  client(
    worker: string,
    options: { readonly waitMs: number; readonly queue: number; readonly timeouts: ClientTimeouts },
  ): HttpClient;
  report(): WorkerReport[];
  waiting(worker: string): number;
  /** This process is being replaced: workers are let go once what they do has ended. */
  retire(): void;
  close(): Promise<void>;
};

const refusals = { 401: "Unauthorized", 426: "Upgrade Required" } as const;

function refuse(socket: Duplex, status: keyof typeof refusals, message: string): void {
  const body = JSON.stringify({ error: { message } });
  socket.end(
    `HTTP/1.1 ${status} ${refusals[status]}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `sec-websocket-protocol: ${subprotocols[0]}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** Workers' connections, and the requests that wait for them. */
export function createWorkerHub(options: HubOptions): WorkerHub {
  const { pingMs = 20_000, resumeMs = 30_000, helloMs = 10_000, onEvent } = options;
  const sessions = new Map<string, Session>();
  const queues = new Map<string, Waiting[]>();
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: longestFrame,
    perMessageDeflate: false,
    handleProtocols: (offered) => subprotocols.find((known) => offered.has(known)) ?? false,
  });

  type Waiting = { begin(session: Session): void; fail(error: GatewayError): void };

  /** The one with the most room; of several, the one that has served least. */
  function readySession(worker: string): Session | undefined {
    let best: Session | undefined;
    for (const session of sessions.values()) {
      if (session.worker !== worker || !session.isReady) continue;
      const load = session.active / session.capacity;
      const least = best ? best.active / best.capacity : Number.POSITIVE_INFINITY;
      if (load < least || (load === least && session.served < best!.served)) best = session;
    }
    return best;
  }

  function serveWaiting(worker: string): void {
    const queue = queues.get(worker);
    while (queue && queue.length > 0) {
      const session = readySession(worker);
      if (!session) return;
      queue.shift()!.begin(session);
    }
  }

  function accept(socket: WebSocket, worker: string, address: string): void {
    let session: Session | undefined;
    const impatience = setTimeout(() => socket.close(closeCodes.silent, "no hello in time"), helloMs).unref();
    const violated = (message: string) => {
      onEvent({ type: "violation", worker, detail: message });
      socket.close(closeCodes.malformed, message.slice(0, 120));
    };
    socket.on("message", (data, isBinary) => {
      if (session) return session.message(socket, data as Buffer, isBinary);
      clearTimeout(impatience);
      try {
        if (isBinary) throw new ProtocolViolation("a binary frame before hello");
        const hello = parseWorkerFrame((data as Buffer).toString("utf8"));
        if (hello.type !== "hello") throw new ProtocolViolation(`${hello.type} before hello`);
        const kept = hello.resume && sessions.get(hello.resume.session);
        session = kept?.worker === worker ? kept : open(worker);
        session.connect(socket, hello, address);
        onEvent({
          type: kept ? "resumed" : "connected",
          worker,
          detail: `${hello.agent ?? "a worker"} from ${address}`,
        });
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error;
        violated(error.message);
      }
    });
    // A frame that is too long, or is no WebSocket frame at all: `ws` closes the connection itself, and for good.
    socket.on("error", (error) => {
      onEvent({ type: "violation", worker, detail: error.message });
      session?.close("broke the WebSocket protocol");
    });
    socket.on("close", (code) => {
      clearTimeout(impatience);
      session?.disconnected(socket, code === closeCodes.done);
    });
  }

  function open(worker: string): Session {
    const session = createSession({
      worker,
      process: options.process,
      processes: options.processes,
      pingMs,
      resumeMs,
      onChange: () => serveWaiting(worker),
      onGone(gone) {
        sessions.delete(gone.id);
        onEvent({ type: "gone", worker, detail: gone.agent });
      },
      onViolation: (_session, message) => onEvent({ type: "violation", worker, detail: message }),
    });
    sessions.set(session.id, session);
    return session;
  }

  async function admit(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const offered = String(message.headers["sec-websocket-protocol"] ?? "").split(/,\s*/);
    const token =
      /^bearer (.+)$/i.exec(message.headers.authorization ?? "")?.[1] ??
      offered.find((name) => name.startsWith(tokenSubprotocol))?.slice(tokenSubprotocol.length);
    const worker = token === undefined ? undefined : await options.workerOf(token);
    const address = message.socket.remoteAddress ?? "";
    if (worker === undefined) {
      onEvent({ type: "refused", worker: "", detail: `a wrong worker token from ${address}` });
      return refuse(
        socket,
        401,
        "The worker's token is not one of this gateway's. Make one with `trunkline workers add NAME`.",
      );
    }
    if (!subprotocols.some((known) => offered.includes(known)))
      return refuse(socket, 426, `Offer the subprotocol ${subprotocols.join(" or ")}.`);
    server.handleUpgrade(message, socket, head, (accepted) => accept(accepted, worker, address));
  }

  return {
    upgrade(message, socket, head) {
      socket.on("error", () => socket.destroy());
      admit(message, socket, head).catch(() => socket.destroy());
    },
    client: (worker, { waitMs, queue: longest, timeouts }) => ({
      send(request, handler) {
        const session = readySession(worker);
        if (session) return session.start(request, handler, timeouts);
        const queue = queues.get(worker) ?? [];
        queues.set(worker, queue);
        const isThere = [...sessions.values()].some((candidate) => candidate.worker === worker);
        return waitFor(queue, { worker, isThere, waitMs, longest, timeouts }, request, handler);
      },
      close() {},
    }),
    report: () =>
      [...sessions.values()].map(
        ({ id, worker, agent, address, capacity, active, served, bytes, since, isConnected }) => ({
          id,
          worker,
          agent,
          address,
          capacity,
          active,
          served,
          bytes,
          since,
          isConnected,
        }),
      ),
    waiting: (worker) => queues.get(worker)?.length ?? 0,
    retire() {
      for (const session of sessions.values()) session.retire();
    },
    async close() {
      for (const session of sessions.values()) session.close("ended because the gateway stops");
      for (const queue of queues.values())
        for (const waiting of queue.splice(0))
          waiting.fail(new GatewayError("shutting_down", "The gateway is stopping. Try again in a moment."));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };

  function waitFor(
    queue: Waiting[],
    about: { worker: string; isThere: boolean; waitMs: number; longest: number; timeouts: ClientTimeouts },
    request: ClientRequest,
    handler: AnswerHandler,
  ): Call {
    const { worker, isThere, waitMs, longest, timeouts } = about;
    const call = createLateCall(() => leave());
    const waiting: Waiting = {
      begin(session) {
        clearTimeout(timer);
        call.begin(() => session.start(request, handler, timeouts));
      },
      fail(error) {
        clearTimeout(timer);
        handler.error(error);
      },
    };
    const leave = () => {
      clearTimeout(timer);
      const at = queue.indexOf(waiting);
      if (at >= 0) queue.splice(at, 1);
    };
    const missing = () =>
      isThere
        ? new GatewayError(
            "queue_full",
            `Every worker '${worker}' is busy. Try again in a moment, or connect another.`,
            { retryAfterMs: 1000 },
          )
        : new GatewayError(
            "worker_missing",
            `No worker '${worker}' is connected. Start one: \`trunkline worker --help\`.`,
          );
    const timer = setTimeout(() => {
      leave();
      handler.error(missing());
    }, waitMs);
    if (queue.length >= longest) queueMicrotask(() => waiting.fail(missing()));
    else queue.push(waiting);
    return call;
  }
}
