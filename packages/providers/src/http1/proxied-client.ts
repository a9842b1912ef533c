import { EnvHttpProxyAgent, type Dispatcher } from "undici";
import type { ClientTimeouts, HttpClient } from "./client.ts";
import { coded } from "./connection.ts";

export type ProxySettings = {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
};

/** The same as `createHttpClient`, through a proxy: undici's business. */
export function createProxiedClient(origin: URL, timeouts: ClientTimeouts, proxies: ProxySettings): HttpClient {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: timeouts.connect },
    headersTimeout: timeouts.firstByte,
    bodyTimeout: timeouts.idle,
    keepAliveTimeout: 30_000,
    pipelining: 1,
    ...proxies,
  });

  return {
    send({ method, path, headers, body }, handler) {
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
        handler.error(coded("TOTAL_TIMEOUT", "the request took too long"));
      }, timeouts.total);
      timer.unref();

      dispatcher.dispatch(
        { origin: origin.origin, path, method, headers, body: body ?? null },
        {
          onRequestStart(given) {
            controller = given;
            if (over) given.abort(new Error("cancelled"));
          },
          onResponseStart(_controller, status, answerHeaders) {
            if (over || status < 200) return;
            if (paused) controller?.pause();
            handler.head(status, joined(answerHeaders));
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
    },
    close: () => void dispatcher.close(),
  };
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(", ") : value;
  return plain;
}
