import type { ServerResponse } from "node:http";
import type { ClientAnswer } from "@trunkline/exchange";

/** The exchange's view of a response. Pieces written in one tick leave in one write to the socket. */
export function clientAnswer(response: ServerResponse, requestId: string): ClientAnswer {
  let corked = false;
  function cork(): void {
    if (corked) return;
    corked = true;
    response.cork();
    process.nextTick(() => {
      corked = false;
      response.uncork();
    });
  }
  return {
    begin(status, headers) {
      if (response.headersSent || response.destroyed) return;
      // Anthropic's SDK reads `request-id`.
      response.writeHead(status, {
        "x-request-id": requestId,
        "request-id": requestId,
        "x-content-type-options": "nosniff",
        ...headers,
      });
    },
    write(chunk) {
      if (response.destroyed) return true;
      cork();
      return response.write(chunk);
    },
    end(chunk) {
      response.end(chunk === "" ? undefined : chunk);
    },
    get closed() {
      return response.closed && !response.writableFinished;
    },
    destroy: () => void response.destroy(),
    onDrain: (listener) => void response.on("drain", listener),
    onClose(listener) {
      response.on("close", () => {
        if (!response.writableFinished) listener();
      });
    },
  };
}
