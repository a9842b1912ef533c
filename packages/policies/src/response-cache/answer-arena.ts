/** Bytes kept under names in a few large pieces of memory, the oldest going first. */
export type AnswerArena = {
  set(name: string, parts: readonly Buffer[], expiresAt: number): void;
  /** A copy; undefined when there is none, or none any more. */
  get(name: string, now: number): Buffer | undefined;
};

type Segment = { readonly bytes: Buffer; used: number; names: string[] };

/** Before each entry: its length, and when it expires. */
const headBytes = 12;
const usualSegmentBytes = 1024 * 1024;
/** Segments are addressed by the upper part of a number, offsets by its lower 32 bits. */
const segmentFactor = 2 ** 32;

/**
 * A ring of segments outside the garbage collector's heap, made as they are needed. Tens of thousands of answers as objects of their own
 * would be looked through at every collection, and took more time than all the rest of a request.
 */
export function createAnswerArena(maxBytes: number, maxEntryBytes: number): AnswerArena {
  const segmentBytes = Math.min(maxBytes, Math.max(usualSegmentBytes, maxEntryBytes + headBytes));
  const most = Math.max(1, Math.floor(maxBytes / segmentBytes));
  const segments: Segment[] = [];
  const places = new Map<string, number>();
  let current = -1;

  function nextSegment(): Segment {
    current = (current + 1) % most;
    let segment = segments[current];
    if (!segment) {
      segment = { bytes: Buffer.allocUnsafeSlow(segmentBytes), used: 0, names: [] };
      segments.push(segment);
      return segment;
    }
    // A name may have been given a newer place meanwhile.
    for (const name of segment.names)
      if (Math.floor(places.get(name)! / segmentFactor) === current) places.delete(name);
    segment.used = 0;
    segment.names = [];
    return segment;
  }

  return {
    set(name, parts, expiresAt) {
      let length = headBytes;
      for (const part of parts) length += part.length;
      if (length > segmentBytes) return;
      let segment = segments[current];
      if (!segment || segment.used + length > segmentBytes) segment = nextSegment();
      const { bytes } = segment;
      let at = bytes.writeUInt32LE(length, segment.used);
      at = bytes.writeDoubleLE(expiresAt, at);
      for (const part of parts) at += part.copy(bytes, at);
      places.set(name, current * segmentFactor + segment.used);
      segment.names.push(name);
      segment.used = at;
    },
    get(name, now) {
      const place = places.get(name);
      if (place === undefined) return undefined;
      const { bytes } = segments[Math.floor(place / segmentFactor)]!;
      const at = place % segmentFactor;
      if (bytes.readDoubleLE(at + 4) <= now) {
        places.delete(name);
        return undefined;
      }
      return Buffer.from(bytes.subarray(at + headBytes, at + bytes.readUInt32LE(at)));
    },
  };
}
