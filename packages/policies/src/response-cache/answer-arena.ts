import { createHashIndex } from "./hash-index.ts";

/** Bytes kept under hashes in a few large pieces of memory, the oldest going first. */
export type AnswerArena = {
  /** `hash` is 32 bytes as a string of one byte a character. */
  set(hash: string, parts: readonly Buffer[], expiresAt: number): void;
  /** A copy; undefined when there is none, or none any more. */
  get(hash: string, now: number): Buffer | undefined;
};

type Segment = { readonly bytes: Buffer; used: number };

const hashBytes = 32;
/** Before each entry: its length, when it expires, and its hash. */
const headBytes = 4 + 8 + hashBytes;
const usualSegmentBytes = 1024 * 1024;
/** Segments are addressed by the upper part of a number, offsets by its lower 32 bits. */
const segmentFactor = 2 ** 32;
/** What a small answer takes; the index has room for as many, twice over. */
const smallEntryBytes = 512;

/**
 * A ring of segments outside the garbage collector's heap, made as they are needed, and an index that is no object of the heap either. Tens of
 * thousands of answers as objects of their own would be looked through at every collection, and take more time than all the rest of a request.
 */
export function createAnswerArena(maxBytes: number, maxEntryBytes: number): AnswerArena {
  const segmentBytes = Math.min(maxBytes, Math.max(usualSegmentBytes, maxEntryBytes + headBytes));
  const most = Math.max(1, Math.floor(maxBytes / segmentBytes));
  const segments: Segment[] = [];
  const index = createHashIndex((most * segmentBytes) / smallEntryBytes);
  let current = -1;

  function hashAt({ bytes }: Segment, at: number): string {
    return bytes.toString("latin1", at + headBytes - hashBytes, at + headBytes);
  }

  /** Takes the oldest segment for new entries, and its old ones out of the index. */
  function nextSegment(): Segment {
    current = (current + 1) % most;
    const segment = segments[current];
    if (!segment) {
      const made = { bytes: Buffer.allocUnsafeSlow(segmentBytes), used: 0 };
      segments.push(made);
      return made;
    }
    for (let at = 0; at < segment.used; at += segment.bytes.readUInt32LE(at))
      index.delete(hashAt(segment, at), current * segmentFactor + at);
    segment.used = 0;
    return segment;
  }

  return {
    set(hash, parts, expiresAt) {
      let length = headBytes;
      for (const part of parts) length += part.length;
      if (length > segmentBytes) return;
      let segment = segments[current];
      if (!segment || segment.used + length > segmentBytes) segment = nextSegment();
      const { bytes, used } = segment;
      let at = bytes.writeUInt32LE(length, used);
      at = bytes.writeDoubleLE(expiresAt, at);
      at += bytes.write(hash, at, "latin1");
      for (const part of parts) at += part.copy(bytes, at);
      segment.used = at;
      index.set(hash, current * segmentFactor + used);
    },
    get(hash, now) {
      const place = index.get(hash);
      if (place === undefined) return undefined;
      const segment = segments[Math.floor(place / segmentFactor)]!;
      const at = place % segmentFactor;
      const { bytes } = segment;
      if (hashAt(segment, at) !== hash || bytes.readDoubleLE(at + 4) <= now) return undefined;
      return Buffer.from(bytes.subarray(at + headBytes, at + bytes.readUInt32LE(at)));
    },
  };
}
