import { setTimeout as wait } from "node:timers/promises";
import type { ExchangeRecord, LedgerWriter } from "@trunkline/contracts";
import type { PricedExchange } from "@trunkline/store";

export type WriterOptions = {
  /** All of them or none, on disk when it resolves. */
  readonly append: (exchanges: readonly PricedExchange[]) => Promise<void>;
  readonly price: (record: ExchangeRecord) => number | null;
  /** What `price` needs first, when it needs something. */
  readonly beforePricing?: () => Promise<void> | undefined;
  /** Milliseconds a record waits for others to share a transaction with. */
  readonly waitMs: number;
  /** How often writing is tried again at the end, a tenth of a second apart, before what is left is given up. */
  readonly lastTries: number;
  /** Records kept while the database does not take them; the oldest beyond it are dropped, loudly. */
  readonly mostQueued: number;
  readonly onError: (error: unknown, queued: number) => void;
  readonly onDropped: (total: number) => void;
};

export type Writer = LedgerWriter & {
  /** Resolves when everything recorded before is on disk; rejects when the database refuses it. */
  flush(): Promise<void>;
  /** Flushes and stops. What could not be written is given back. */
  close(): Promise<number>;
  readonly queued: number;
  /** When the oldest of them ended, in milliseconds since the epoch; undefined when there is none. */
  readonly oldestAt: number | undefined;
  readonly dropped: number;
};

const rowsAtOnce = 500;
/** Milliseconds before a refused batch is tried again, doubling up to the last. */
const firstRetryMs = 250;
const longestRetryMs = 10_000;
const betweenLastTriesMs = 100;

/** An answer from the cache costs nothing, and has saved what it would have cost. */
function priced(record: ExchangeRecord, price: WriterOptions["price"]): PricedExchange {
  const isHit = record.cache === "hit";
  const worth = price(record);
  return { record, costNanoUsd: isHit ? 0 : worth, savedNanoUsd: isHit ? worth : null };
}

/** Collects finished exchanges and writes them in batches, off the requests' way. Memory stays flat when the database is gone. */
export function createWriter(options: WriterOptions): Writer {
  let queue: ExchangeRecord[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let retryMs = firstRetryMs;
  let dropped = 0;
  let closed = false;

  function schedule(delay: number): void {
    if (timer !== undefined || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      void write().catch(() => {});
    }, delay);
  }

  async function writeAll(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.slice(0, rowsAtOnce);
      try {
        const waiting = options.beforePricing?.();
        if (waiting) await waiting;
        await options.append(batch.map((record) => priced(record, options.price)));
      } catch (error) {
        options.onError(error, queue.length);
        schedule(retryMs);
        retryMs = Math.min(retryMs * 2, longestRetryMs);
        throw error;
      }
      retryMs = firstRetryMs;
      // Dropping may have taken from the front meanwhile.
      const written = new Set(batch);
      queue = queue[0] === batch[0] ? queue.slice(batch.length) : queue.filter((record) => !written.has(record));
    }
  }

  function write(): Promise<void> {
    writing ??= writeAll().finally(() => {
      writing = undefined;
    });
    return writing;
  }

  return {
    record(exchange) {
      queue.push(exchange);
      if (queue.length > options.mostQueued) {
        queue.shift();
        dropped++;
        options.onDropped(dropped);
      }
      if (queue.length >= rowsAtOnce && timer !== undefined && retryMs === firstRetryMs) {
        clearTimeout(timer);
        timer = undefined;
        schedule(0);
      } else schedule(options.waitMs);
    },
    flush: () => write(),
    async close() {
      clearTimeout(timer);
      timer = undefined;
      await writing?.catch(() => {});
      // Other processes may be writing their last rows too.
      for (let turn = 0; turn <= options.lastTries; turn++) {
        if (turn > 0) await wait(betweenLastTriesMs);
        if (
          await write().then(
            () => true,
            () => false,
          )
        )
          break;
      }
      closed = true;
      clearTimeout(timer);
      return queue.length;
    },
    get queued() {
      return queue.length;
    },
    get oldestAt() {
      const oldest = queue[0];
      return oldest && oldest.startedAt + oldest.durationMs;
    },
    get dropped() {
      return dropped;
    },
  };
}
