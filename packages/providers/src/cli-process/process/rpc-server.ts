import { GatewayError, type JsonObject } from "@trunkline/contracts";
import type { Seat } from "../driver.ts";
import { crashed } from "../failure/program-error.ts";
import { createRpc, type Reply, type Rpc } from "./json-rpc.ts";
import { createEventParser } from "./parse-events.ts";
import { spawnChild, type Child } from "./spawn-child.ts";

/** One process that answers many conversations, told apart by an id. */
export type RpcServer = {
  readonly child: Child;
  readonly rpc: Rpc;
  /** Handed to it: what the program says about one conversation. */
  attach(id: string, listener: ConversationListener): () => void;
  readonly ended: boolean;
};

export type ConversationListener = {
  notification(method: string, parameters: JsonObject): void;
  request(method: string, parameters: JsonObject, reply: Reply): void;
  end(error: GatewayError): void;
};

export type RpcServerOptions = {
  readonly seat: Seat;
  readonly title: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly prepare?: (scratch: string) => Readonly<Record<string, string>>;
  /** The conversation a message belongs to. */
  readonly idOf: (parameters: JsonObject) => string | undefined;
  /** Messages that are nobody's in particular. */
  readonly common: (method: string, parameters: JsonObject) => void;
};

export function startRpcServer(options: RpcServerOptions): RpcServer {
  const { seat, title } = options;
  const listeners = new Map<string, ConversationListener>();
  let ended = false;
  const child = spawnChild({
    command: seat.command,
    args: options.args,
    environment: options.environment,
    ...(options.prepare ? { prepare: options.prepare } : {}),
    childrenFolder: seat.childrenFolder,
    // Many answers come through one pipe, so that only its lines have a limit.
    limits: { ...seat.limits, total: Number.POSITIVE_INFINITY },
    onLine: (line) => parser.line(line),
    onEnd(end) {
      ended = true;
      const error =
        end.error ??
        crashed(
          {
            provider: seat.provider,
            program: title,
            secrets: Object.values(seat.account.environment),
            now: seat.now(),
          },
          end,
        );
      finish(error);
    },
  });

  function finish(error: GatewayError): void {
    rpc.end(error);
    for (const listener of listeners.values()) listener.end(error);
    listeners.clear();
  }
  void child.gone.then(() => {
    ended = true;
    finish(new GatewayError("program_crashed", `${title} was stopped.`));
  });

  const rpc = createRpc((line) => child.write(line), {
    notification(method, parameters) {
      const listener = listeners.get(options.idOf(parameters) ?? "");
      if (listener) listener.notification(method, parameters);
      else options.common(method, parameters);
    },
    request(method, parameters, reply) {
      const listener = listeners.get(options.idOf(parameters) ?? "");
      if (listener) listener.request(method, parameters, reply);
      else reply.error(-32601, "Not supported here.");
    },
  });
  const parser = createEventParser(
    (event) => rpc.receive(event),
    (noise) => seat.warn(`${title} wrote ${noise.length} characters that are no event`),
  );

  return {
    child,
    rpc,
    get ended() {
      return ended;
    },
    attach(id, listener) {
      listeners.set(id, listener);
      return () => {
        if (listeners.get(id) === listener) listeners.delete(id);
      };
    },
  };
}
