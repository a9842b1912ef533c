import { LRUCache } from "lru-cache";
import { createRecording, type Recording } from "./recording.ts";

export type ResponseCacheOptions = {
  /** Bytes of all answers kept, and of one. */
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly ttlMs: number;
  /** One answer for all keys, or for each its own. */
  readonly isShared: boolean;
};

export type ResponseCache = {
  readonly isShared: boolean;
  /** An answer that is there, or on its way, and not older than `maxAgeMs`. */
  find(key: string, now: number, maxAgeMs: number): Recording | undefined;
  /** Begins one that others may follow. It is kept once it has ended well. */
  begin(key: string, now: number, onLeft: () => void): Recording;
  /** Keeps an answer that has ended well, and forgets that it was on its way. */
  settle(key: string, recording: Recording): void;
};

/** What an entry weighs besides its bytes. */
const entryBytes = 1024;

/** Whole answers in memory, the least used going first; and those on their way, for whoever asks the same meanwhile. */
export function createResponseCache(options: ResponseCacheOptions): ResponseCache {
  const kept = new LRUCache<string, Recording>({
    maxSize: options.maxBytes,
    maxEntrySize: options.maxEntryBytes + entryBytes,
    sizeCalculation: (recording) => recording.size() + entryBytes,
    ttl: options.ttlMs,
  });
  const onTheirWay = new Map<string, Recording>();

  return {
    isShared: options.isShared,
    find(key, now, maxAgeMs) {
      const recording = kept.get(key);
      if (recording && now - recording.startedAt <= maxAgeMs) return recording;
      return onTheirWay.get(key);
    },
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
      if (recording.isWhole()) kept.set(key, recording);
    },
  };
}
