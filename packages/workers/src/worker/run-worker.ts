import { setTimeout as wait } from "node:timers/promises";
import { WebSocket } from "ws";
import {
  closeCodes,
  longestFrame,
  parseGatewayFrame,
  ProtocolViolation,
  subprotocols,
  type BodyFrame,
  type GatewayFrame,
  type WorkerFrame,
} from "../protocol/frames.ts";
import { createLink } from "../protocol/link.ts";
import type { Performer } from "./performer.ts";
import { startWork, type Work } from "./work.ts";

export type RunWorkerOptions = {
  /** The gateway's address, such as `http://127.0.0.1:8317`. */
  readonly gateway: string;
  readonly token: string;
  readonly performer: Performer;
  /** Requests made at once. */
  readonly capacity: number;
  readonly agent: string;
  /** Ends it: what runs may end first. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: WorkerEvent) => void;
};

export type WorkerEvent =
  | { readonly type: "connected"; readonly resumed: boolean }
  | { readonly type: "lost"; readonly reason: string; readonly againInMs: number };

/** The gateway will not have this worker, however often it asks. */
export class WorkerRefused extends Error {}

const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** A gateway that does not close the connection of a worker that wants to end. */
const leaveMs = 5000;
/** Between two connections that look for a process nobody is at. */
const againMs = 200;
const misplaced = "another connection is at this process";

type Welcome = Extract<GatewayFrame, { type: "welcome" }>;

/** What becomes of a connection once it is known which of the gateway's processes it has reached. */
type Verdict = "keep" | "again" | "end";

/** Serves a gateway, every process of it, until it is told to end. Throws WorkerRefused. */
export async function runWorker(options: RunWorkerOptions): Promise<void> {
  /** Which lane is at which process. */
  const places = new Map<string, number>();
  const lanes: Promise<void>[] = [];

  function judge(lane: number, { process, processes }: Welcome): Verdict {
    if (lane >= processes) return "end";
    while (lanes.length < processes) start();
    if ((places.get(process) ?? lane) !== lane) return "again";
    leave(lane);
    places.set(process, lane);
    return "keep";
  }

  function leave(lane: number): void {
    for (const [process, holder] of places) if (holder === lane) places.delete(process);
  }

  function start(): void {
    const lane = lanes.length;
    lanes.push(runLane(options, { judge: (welcome) => judge(lane, welcome), onLost: () => leave(lane) }));
  }

  start();
  // Lanes join while the first ones run.
  for (let ended = 0; ended < lanes.length; ended++) await lanes[ended];
}

type Lane = { judge(welcome: Welcome): Verdict; onLost(): void };

/** One session, over as many connections as it takes. */
async function runLane(options: RunWorkerOptions, lane: Lane): Promise<void> {
  const { performer, signal, onEvent } = options;
  const address = new URL("/v1/workers", options.gateway);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  let session: string | undefined;
  let works = new Map<number, Work>();
  let link = newLink();
  let socket: WebSocket | undefined;
  let pauseMs = firstPauseMs;
  let isDraining = false;
  let isUnneeded = false;

  function newLink() {
    return createLink<GatewayFrame, WorkerFrame>({
      parse: parseGatewayFrame,
      onFrame,
      onViolation(violation) {
        session = undefined;
        socket?.close(closeCodes.malformed, violation.message.slice(0, 120));
      },
    });
  }

  function onFrame(frame: GatewayFrame | BodyFrame): void {
    switch (frame.type) {
      case "request": {
        const current = works;
        const own = link;
        const started = startWork(
          frame,
          { send: (out) => own.send(out as unknown as WorkerFrame), sendBody: (bytes) => own.sendBody(bytes) },
          performer,
          () => {
            current.delete(frame.id);
            if (isDraining && current.size === 0) leaveSoon();
          },
        );
        works.set(frame.id, started);
        return;
      }
      case "body":
        return works.get(frame.id)?.body(frame.bytes);
      case "body_end":
        return works.get(frame.id)?.bodyEnd();
      case "cancel":
        return works.get(frame.id)?.cancel();
      case "credit":
        return works.get(frame.id)?.credit(frame.bytes);
      case "bye":
        session = undefined;
        return;
      case "welcome":
        throw new ProtocolViolation("a second welcome");
    }
  }

  /** The gateway closes when it has had everything; a request that crossed the wish to end on its way is still made. */
  function leaveSoon(): void {
    setTimeout(() => {
      if (works.size === 0) socket?.close(closeCodes.done);
    }, leaveMs).unref();
  }

  signal.addEventListener("abort", () => {
    isDraining = true;
    if (socket?.readyState !== WebSocket.OPEN) return socket?.terminate();
    link.send({ type: "drain" });
    if (works.size === 0) leaveSoon();
  });

  /** Everything of a session that is gone. */
  function startAnew(): void {
    for (const work of works.values()) work.cancel();
    link.close();
    works = new Map();
    link = newLink();
  }

  /** One connection, from its opening to its end; why it ended. */
  function connect(): Promise<string> {
    return new Promise((resolve, reject) => {
      const opened = new WebSocket(address, [...subprotocols], {
        headers: { authorization: `Bearer ${options.token}` },
        maxPayload: longestFrame,
        perMessageDeflate: false,
        handshakeTimeout: 15_000,
      });
      socket = opened;
      let isWelcome = false;
      let problem = "";
      let silence: NodeJS.Timeout | undefined;
      opened.on("unexpected-response", (_request, answer) => {
        const { statusCode } = answer;
        answer.resume();
        opened.terminate();
        if (statusCode === 401)
          reject(
            new WorkerRefused(
              "The gateway does not take this worker's token. Make one with `trunkline workers add NAME`.",
            ),
          );
        else if (statusCode === 426)
          reject(
            new WorkerRefused(
              "The gateway speaks another version of the workers' protocol. Update the older of the two.",
            ),
          );
        else problem = `the gateway answered ${statusCode}`;
      });
      opened.on("open", () => {
        const hello: WorkerFrame = {
          type: "hello",
          agent: options.agent,
          capacity: options.capacity,
          ...(session === undefined ? {} : { resume: { session, received: link.received } }),
        };
        opened.send(JSON.stringify(hello));
      });
      opened.on("message", (data, isBinary) => {
        silence?.refresh();
        if (isWelcome) return link.message(data as Buffer, isBinary);
        try {
          const frame = parseGatewayFrame((data as Buffer).toString("utf8"));
          if (frame.type !== "welcome") throw new ProtocolViolation(`${frame.type} before welcome`);
          const verdict = lane.judge(frame);
          if (verdict !== "keep") {
            // Another connection is there already; the next one may reach another process.
            isUnneeded = verdict === "end";
            session = undefined;
            problem = misplaced;
            return opened.close(closeCodes.done);
          }
          isWelcome = true;
          pauseMs = firstPauseMs;
          const lostMs = frame.ping_seconds * 2000;
          silence = setTimeout(() => opened.terminate(), lostMs).unref();
          if (!frame.resumed) startAnew();
          ({ session } = frame);
          link.attach(opened, frame.resumed ? frame.received : 0);
          onEvent({ type: "connected", resumed: frame.resumed });
          if (isDraining) link.send({ type: "drain" });
        } catch (error) {
          problem = (error as Error).message;
          session = undefined;
          opened.terminate();
        }
      });
      opened.on("error", (error) => (problem ||= error.message));
      opened.on("close", (code, reason) => {
        clearTimeout(silence);
        if (isWelcome) lane.onLost();
        link.detach();
        resolve(problem || reason.toString("utf8") || `closed with ${code}`);
      });
    });
  }

  try {
    while (!signal.aborted) {
      const reason = await connect();
      if (signal.aborted || isUnneeded) return;
      if (reason === misplaced) {
        await wait(againMs, undefined, { signal }).catch(() => {});
        continue;
      }
      // So that a hundred workers do not all come back at the same moment.
      const againInMs = Math.round(pauseMs * (0.5 + Math.random() / 2));
      onEvent({ type: "lost", reason, againInMs });
      await wait(againInMs, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    }
  } finally {
    for (const work of works.values()) work.cancel();
    link.close();
    socket?.terminate();
  }
}
