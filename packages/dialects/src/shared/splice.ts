const quote = 34;
const backslash = 92;

/** Where one member's value stands in JSON text: byte offsets, end exclusive. */
export type Span = { readonly start: number; readonly end: number };

function skipString(bytes: Uint8Array, at: number): number {
  for (let index = at + 1; index < bytes.length; index++) {
    if (bytes[index] === backslash) index++;
    else if (bytes[index] === quote) return index + 1;
  }
  return bytes.length;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  let index = at;
  while (bytes[index] === 32 || bytes[index] === 10 || bytes[index] === 13 || bytes[index] === 9) index++;
  return index;
}

function skipValue(bytes: Uint8Array, at: number): number {
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
export function findMember(bytes: Uint8Array, path: readonly string[], from = 0): Span[] {
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

/** The text with a member set: replaced where it stands, else put first. */
export function setMember(bytes: Buffer, name: string, value: string): Buffer {
  if (findMember(bytes, [name]).length > 0) return replaceMember(bytes, [name], value);
  const brace = skipSpace(bytes, 0);
  const next = skipSpace(bytes, brace + 1);
  const comma = bytes[next] === 125 ? "" : ",";
  return Buffer.concat([
    bytes.subarray(0, brace + 1),
    Buffer.from(`${JSON.stringify(name)}:${value}${comma}`),
    bytes.subarray(brace + 1),
  ]);
}
