import type { GatewayError } from "@trunkline/contracts";
import { asNumber, asObject, asString, type JsonObject, type JsonValue } from "@trunkline/contracts";

export type RpcError = { readonly code: number; readonly message: string; readonly data: JsonValue | undefined };

export type RpcHandlers = {
  notification(method: string, parameters: JsonObject): void;
  /** A question of the program's; it waits until `reply` is called, if ever. */
  request(method: string, parameters: JsonObject, reply: Reply): void;
};

export type Reply = { result(value: JsonObject): void; error(code: number, message: string): void };

/** A refusal in the program's own words, for the driver to read. */
export class RpcRefusal extends Error {
  readonly refusal: RpcError;
  constructor(refusal: RpcError) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

export type Rpc = {
  /** Rejects with RpcRefusal, or with what ended the program. */
  call(method: string, parameters: JsonObject): Promise<JsonObject>;
  notify(method: string, parameters?: JsonObject): void;
  /** An event of the program's output. */
  receive(event: JsonObject): void;
  /** The program is gone: whoever waits is told. */
  end(error: GatewayError): void;
};

/** JSON-RPC 2.0 over lines, both sides asking. */
export function createRpc(write: (line: string) => void, handlers: RpcHandlers): Rpc {
  const waiting = new Map<number, { resolve: (result: JsonObject) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let ended: GatewayError | undefined;

  const send = (message: JsonObject) => write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

  return {
    call(method, params) {
      if (ended) return Promise.reject(ended);
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ id, method, params });
      });
    },
    notify: (method, params) => send({ method, ...(params === undefined ? {} : { params }) }),
    receive(event) {
      const method = asString(event["method"]);
      const id = event["id"];
      const parameters = asObject(event["params"]) ?? {};
      if (method !== undefined && id === undefined) return handlers.notification(method, parameters);
      if (method !== undefined) {
        return handlers.request(method, parameters, {
          result: (result) => send({ id, result }),
          error: (code, message) => send({ id, error: { code, message } }),
        });
      }
      const entry = waiting.get(asNumber(id) ?? -1);
      if (!entry) return;
      waiting.delete(id as number);
      const error = asObject(event["error"]);
      if (!error) return entry.resolve(asObject(event["result"]) ?? {});
      entry.reject(
        new RpcRefusal({
          code: asNumber(error["code"]) ?? 0,
          message: asString(error["message"]) ?? "",
          data: error["data"],
        }),
      );
    },
    end(error) {
      ended = error;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
  };
}
