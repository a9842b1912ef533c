import type { ExchangeRecord } from "@trunkline/contracts";
import type { ClientAnswer } from "@trunkline/exchange";
import type { Store } from "@trunkline/store";
import type { Logger } from "pino";

/** Bytes kept of a request, and of its answer. */
const mostKept = 1024 * 1024;
/** Contents being written at once; of more, the newest are not kept. */
const mostPending = 64;

type Kept = { readonly request: Buffer; readonly pieces: Buffer[]; bytes: number; record: ExchangeRecord | undefined };

export type ContentKeeper = {
  /** The same answer; what passes through it is remembered. */
  watch(id: string, request: Buffer, answer: ClientAnswer): ClientAnswer;
  /** What became of it: only what a known key has asked is kept. */
  finished(record: ExchangeRecord): void;
};

/** Keeps what is asked and answered, where the operator wants that. */
export function createContentKeeper(contents: Store["contents"], log: Logger): ContentKeeper {
  const running = new Map<string, Kept>();
  let pending = 0;

  function put(id: string): void {
    const kept = running.get(id);
    running.delete(id);
    if (!kept?.record || kept.record.keyId === "" || pending >= mostPending) return;
    pending++;
    const request = kept.request.subarray(0, mostKept).toString();
    const answer = Buffer.concat(kept.pieces).toString();
    const truncated = kept.request.length > mostKept || kept.bytes > mostKept;
    contents
      .put(id, kept.record.startedAt, { request, answer, truncated })
      .catch((error: unknown) => log.error({ err: error, requestId: id }, "the content of a request was not kept"))
      .finally(() => pending--);
  }

  function add(kept: Kept, piece: string | Buffer): void {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    const room = mostKept - kept.bytes;
    kept.bytes += bytes.length;
    // The exchange uses its buffers again.
    if (room > 0) kept.pieces.push(Buffer.from(bytes.subarray(0, room)));
  }

  return {
    watch(id, request, answer) {
      const kept: Kept = { request, pieces: [], bytes: 0, record: undefined };
      running.set(id, kept);
      // Whoever leaves is settled with the same event: what was said until then is kept after it.
      answer.onClose(() => setImmediate(put, id));
      return {
        ...answer,
        write(chunk) {
          add(kept, chunk);
          return answer.write(chunk);
        },
        end(chunk) {
          if (chunk !== undefined) add(kept, chunk);
          answer.end(chunk);
          put(id);
        },
      };
    },
    finished(record) {
      const kept = running.get(record.id);
      if (kept) kept.record = record;
    },
  };
}
