/** Bytes. Smaller bodies cost less to allocate than to keep; larger ones are too rare to keep memory for. */
const smallest = 64 * 1024;
const largest = 4 * 1024 * 1024;
/** Bytes kept unused, in all. */
const mostKept = 16 * 1024 * 1024;
/** Bytes lent at once, in all: a client may announce a large body and send none. Beyond it, bodies take memory as they come. */
const mostLent = 128 * 1024 * 1024;

const free = new Map<number, Buffer[]>();
let kept = 0;
let lent = 0;

/**
 * A buffer for a body of so many bytes, to be handed back with `release`; undefined for a size that is not pooled, or when much is lent. Memory outside the heap
 * is cheap to get, but every 64 MB of it makes V8 go through the whole heap: a coding agent's requests would keep it at that all day.
 */
export function borrow(size: number): Buffer | undefined {
  if (size < smallest || size > largest) return undefined;
  const room = 2 ** Math.ceil(Math.log2(size));
  if (lent + room > mostLent) return undefined;
  lent += room;
  const buffer = free.get(room)?.pop();
  if (!buffer) return Buffer.allocUnsafeSlow(room);
  kept -= room;
  return buffer;
}

/** Gives a borrowed buffer back, once nobody reads from it any more. */
export function release(buffer: Buffer): void {
  lent -= buffer.length;
  if (kept + buffer.length > mostKept) return;
  kept += buffer.length;
  const list = free.get(buffer.length);
  if (list) list.push(buffer);
  else free.set(buffer.length, [buffer]);
}
