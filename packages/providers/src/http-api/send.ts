import type { Dispatcher } from "undici";
import { GatewayError } from "@trunkline/contracts";
import type { ProviderCall } from "../provider.ts";

export type WireRequest = {
  readonly origin: string;
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** Milliseconds for the whole request. */
  readonly totalTimeout: number;
};

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

export type WireHandler = {
  start(status: number, headers: AnswerHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  /** A network failure, or the total time running out. */
  error(error: unknown): void;
};

/** Sends one request with no promise and no stream object per chunk. After `cancel` the handler hears nothing more. */
export function send(dispatcher: Dispatcher, request: WireRequest, handler: WireHandler): ProviderCall {
  let controller: Dispatcher.DispatchController | undefined;
  let over = false;
  let paused = false;

  function finish(): boolean {
    if (over) return false;
    over = true;
    clearTimeout(timer);
    return true;
  }

  function abort(): void {
    if (controller && !controller.aborted) controller.abort(new Error("cancelled"));
  }

  const timer = setTimeout(() => {
    if (!finish()) return;
    abort();
    handler.error(
      new GatewayError("upstream_timeout", "The provider took longer than the total time a request may take."),
    );
  }, request.totalTimeout);
  timer.unref();

  dispatcher.dispatch(
    {
      origin: request.origin,
      path: request.path,
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
    },
    {
      onRequestStart(given) {
        controller = given;
        if (over) given.abort(new Error("cancelled"));
      },
      onResponseStart(_controller, status, headers) {
        if (over || status < 200) return;
        if (paused) controller?.pause();
        handler.start(status, headers);
      },
      onResponseData(_controller, chunk) {
        if (!over) handler.data(chunk);
      },
      onResponseEnd() {
        if (finish()) handler.end();
      },
      onResponseError(_controller, error) {
        if (finish()) handler.error(error);
      },
    },
  );

  return {
    cancel() {
      if (finish()) abort();
    },
    pause() {
      paused = true;
      controller?.pause();
    },
    resume() {
      paused = false;
      controller?.resume();
    },
  };
}

/** Collects chunks up to a limit in bytes; `add` is false once it is passed. */
export function gather(limit: number): { add(chunk: Buffer): boolean; whole(): Buffer } {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    add(chunk) {
      size += chunk.length;
      if (size > limit) return false;
      chunks.push(chunk);
      return true;
    },
    whole: () => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)),
  };
}
