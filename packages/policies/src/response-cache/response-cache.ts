import { createAnswerArena } from "./answer-arena.ts";
import { createRecording, type RecordedMeta, type Recording } from "./recording.ts";
import { createSlots } from "../slots.ts";

export type ResponseCacheOptions = {
  /** Bytes of all answers kept, and of one. */
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly ttlMs: number;
  /** One answer for all keys, or for each its own. */
  readonly isShared: boolean;
};

/** An answer that has ended well. */
export type KeptAnswer = {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly meta: RecordedMeta;
  readonly body: Buffer;
};

export type ResponseCache = {
  readonly isShared: boolean;
  /** An answer that is there and not older than `maxAgeMs`. */
  find(key: string, now: number, maxAgeMs: number): KeptAnswer | undefined;
  /** One on its way. */
  join(key: string): Recording | undefined;
  /** Begins one that others may join. It is kept once it has ended well. */
  begin(key: string, now: number, onLeft: () => void): Recording;
  /** Keeps an answer that has ended well, and forgets that it was on its way. */
  settle(key: string, recording: Recording): void;
};

/** Whole answers in memory, the oldest going first; and those on their way, for whoever asks the same meanwhile. */
export function createResponseCache(options: ResponseCacheOptions): ResponseCache {
  const kept = createAnswerArena(options.maxBytes, options.maxEntryBytes);
  const onTheirWay = createSlots<Recording>();

  return {
    isShared: options.isShared,
    find(key, now, maxAgeMs) {
      const entry = kept.get(key, now);
      if (!entry) return undefined;
      const headLength = entry.readUInt32LE();
      const head = JSON.parse(entry.toString("utf8", 4, 4 + headLength)) as Omit<KeptAnswer, "body">;
      return now - head.startedAt <= maxAgeMs ? { ...head, body: entry.subarray(4 + headLength) } : undefined;
    },
    join: (key) => onTheirWay.get(key),
    begin(key, now, onLeft) {
      const recording = createRecording({
        most: options.maxEntryBytes,
        now,
        onLeft,
        onTooLong() {
          if (onTheirWay.get(key) === recording) onTheirWay.delete(key);
        },
      });
      onTheirWay.set(key, recording);
      return recording;
    },
    settle(key, recording) {
      if (onTheirWay.get(key) === recording) onTheirWay.delete(key);
      const whole = recording.whole();
      if (!whole) return;
      const { startedAt } = recording;
      const head = Buffer.from(JSON.stringify({ startedAt, headers: whole.headers, meta: whole.meta }));
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32LE(head.length);
      const chunks = whole.chunks.map((chunk) => (typeof chunk === "string" ? Buffer.from(chunk) : chunk));
      kept.set(key, [length, head, ...chunks], startedAt + options.ttlMs);
    },
  };
}
