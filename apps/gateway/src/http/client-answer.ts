import type { ServerResponse } from "node:http";
import type { ClientAnswer } from "@trunkline/exchange";
import { afterPoll } from "@trunkline/providers";

/** Bytes of an answer that is sent as one piece with its head. */
const joinedAtMost = 16 * 1024;

/**
 * The exchange's view of a response. What is written while sockets are read leaves afterwards, in one write to the socket.
 *
 * Methods, never getters: V8 gives every object literal with a getter a hidden class of its own, which lives in the old generation and
 * keeps the closure, and with it the whole request, alive past every minor collection. One getter here cost a third of a request's time.
 */
export function clientAnswer(response: ServerResponse, requestId: string): ClientAnswer {
  let isWaiting = false;
  let hasEnded = false;
  let last: string | Buffer | undefined;

  function flushLater(): void {
    if (isWaiting) return;
    isWaiting = true;
    afterPoll(flush);
  }

  function flush(): void {
    isWaiting = false;
    if (!hasEnded) response.uncork();
    else if (last === undefined || last.length === 0) response.end();
    // As text of the head's own encoding, which keeps every byte, a short answer joins the head in one piece.
    else if (typeof last !== "string" && last.length <= joinedAtMost) response.end(last.toString("latin1"), "latin1");
    else response.end(last);
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
      if (!isWaiting) response.cork();
      flushLater();
      return response.write(chunk);
    },
    end(chunk) {
      hasEnded = true;
      last = chunk;
      flushLater();
    },
    isClosed() {
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
