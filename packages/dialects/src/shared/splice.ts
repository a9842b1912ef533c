const quote = 34;
const backslash = 92;

/** Where one member's value stands in JSON text: byte offsets, end exclusive. */
export type Span = { readonly start: number; readonly end: number };

/** Bytes of a string looked at one by one; behind them the system's own search is faster. */
const shortString = 32;

function skipString(bytes: Buffer, at: number): number {
  const near = Math.min(bytes.length, at + 1 + shortString);
  let index = at + 1;
  for (; index < near; index++) {
    const byte = bytes[index];
    if (byte === backslash) index++;
    else if (byte === quote) return index + 1;
  }
  for (index = bytes.indexOf(quote, index); index >= 0; index = bytes.indexOf(quote, index + 1)) {
    let before = index - 1;
    while (before > at && bytes[before] === backslash) before--;
    // The quote is escaped by an odd number of backslashes.
    if ((index - before) % 2 === 1) return index + 1;
  }
  return bytes.length;
}

function skipSpace(bytes: Buffer, at: number): number {
  let index = at;
  while (bytes[index] === 32 || bytes[index] === 10 || bytes[index] === 13 || bytes[index] === 9) index++;
  return index;
}

function skipValue(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === quote) return skipString(bytes, at);
  if (first !== 123 && first !== 91) {
    let index = at;
    while (index < bytes.length && !isEnd(bytes[index]!)) index++;
    return index;
  }
  let depth = 0;
  for (let index = at; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === quote) index = skipString(bytes, index) - 1;
    else if (byte === 123 || byte === 91) depth++;
    else if ((byte === 125 || byte === 93) && --depth === 0) return index + 1;
  }
  return bytes.length;
}

function isEnd(byte: number): boolean {
  return byte === 44 || byte === 125 || byte === 93 || byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

/**
 * Values of the member at `path` in the JSON object `bytes` holds, every one where a name is repeated. The text must have been found to
 * be JSON before; nothing outside the path's own objects is looked at closely.
 */
function findMember(bytes: Buffer, path: readonly string[], from = 0): Span[] {
  const [name, ...below] = path;
  const wanted = Buffer.from(JSON.stringify(name));
  const spans: Span[] = [];
  let index = skipSpace(bytes, from);
  if (bytes[index] !== 123) return spans;
  index = skipSpace(bytes, index + 1);
  while (index < bytes.length && bytes[index] === quote) {
    const nameEnd = skipString(bytes, index);
    const isWanted = nameEnd - index === wanted.length && wanted.compare(bytes, index, nameEnd) === 0;
    const valueStart = skipSpace(bytes, skipSpace(bytes, nameEnd) + 1);
    const valueEnd = skipValue(bytes, valueStart);
    if (isWanted) {
      if (below.length === 0) spans.push({ start: valueStart, end: valueEnd });
      else spans.push(...findMember(bytes, below, valueStart));
    }
    index = skipSpace(bytes, valueEnd);
    if (bytes[index] !== 44) break;
    index = skipSpace(bytes, index + 1);
  }
  return spans;
}

/** The text with the member's value replaced and every other byte as it was; the same buffer when it has no such member. */
export function replaceMember(bytes: Buffer, path: readonly string[], value: string): Buffer {
  const spans = findMember(bytes, path);
  if (spans.length === 0) return bytes;
  const text = Buffer.from(value);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { start, end } of spans) {
    pieces.push(bytes.subarray(from, start), text);
    from = end;
  }
  pieces.push(bytes.subarray(from));
  return Buffer.concat(pieces);
}

/** Members of the object a text consists of, by name, without a look into their values; undefined when the text is no object. */
export function scanObject(bytes: Buffer):
  | {
      readonly spans: ReadonlyMap<string, Span>;
      /** A name is repeated or written with escapes. */ readonly isAmbiguous: boolean;
    }
  | undefined {
  const spans = new Map<string, Span>();
  let isAmbiguous = false;
  let index = skipSpace(bytes, 0);
  if (bytes[index] !== 123) return undefined;
  index = skipSpace(bytes, index + 1);
  let mayEnd = true;
  while (bytes[index] !== 125 || !mayEnd) {
    if (bytes[index] !== quote) return undefined;
    const nameEnd = skipString(bytes, index);
    const name = bytes.toString("utf8", index + 1, nameEnd - 1);
    const colon = skipSpace(bytes, nameEnd);
    if (bytes[colon] !== 58) return undefined;
    const start = skipSpace(bytes, colon + 1);
    const end = skipValue(bytes, start);
    if (end === start) return undefined;
    if (spans.has(name) || name.includes("\\")) isAmbiguous = true;
    spans.set(name, { start, end });
    index = skipSpace(bytes, end);
    mayEnd = bytes[index] !== 44;
    if (!mayEnd) index = skipSpace(bytes, index + 1);
    else if (bytes[index] !== 125) return undefined;
  }
  return skipSpace(bytes, index + 1) === bytes.length ? { spans, isAmbiguous } : undefined;
}
