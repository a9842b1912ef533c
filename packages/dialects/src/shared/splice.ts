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
 * Walks over the members of the object that begins at `from`: their names with the quotes, and their values, unlooked into. Returns where
 * the object ends, or -1 when it is no object, or no whole one.
 */
function walkMembers(bytes: Buffer, from: number, onMember: (name: Span, value: Span) => void): number {
  let index = skipSpace(bytes, from);
  if (bytes[index] !== 123) return -1;
  index = skipSpace(bytes, index + 1);
  if (bytes[index] === 125) return index + 1;
  for (;;) {
    if (bytes[index] !== quote) return -1;
    const nameEnd = skipString(bytes, index);
    const colon = skipSpace(bytes, nameEnd);
    if (bytes[colon] !== 58) return -1;
    const start = skipSpace(bytes, colon + 1);
    const end = skipValue(bytes, start);
    if (end === start) return -1;
    onMember({ start: index, end: nameEnd }, { start, end });
    index = skipSpace(bytes, end);
    if (bytes[index] === 125) return index + 1;
    if (bytes[index] !== 44) return -1;
    index = skipSpace(bytes, index + 1);
  }
}

/** Values of the member at `path`, every one where a name is repeated. The text must have been found to be JSON before. */
function findMember(bytes: Buffer, path: readonly string[], from = 0): Span[] {
  const [name, ...below] = path;
  const wanted = Buffer.from(JSON.stringify(name));
  const spans: Span[] = [];
  walkMembers(bytes, from, ({ start, end }, value) => {
    if (end - start !== wanted.length || wanted.compare(bytes, start, end) !== 0) return;
    if (below.length === 0) spans.push(value);
    else spans.push(...findMember(bytes, below, value.start));
  });
  return spans;
}

/** A piece of text and what stands in its place; an empty span is where it is put in. */
export type Replacement = { readonly span: Span; readonly text: string };

/** The text with spans replaced, given in their order, and every other byte as it was. */
export function replaceSpans(bytes: Buffer, replacements: readonly Replacement[]): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { span, text } of replacements) {
    pieces.push(bytes.subarray(from, span.start), Buffer.from(text));
    from = span.end;
  }
  pieces.push(bytes.subarray(from));
  return Buffer.concat(pieces);
}

/** The text with the member's value replaced and every other byte as it was; the same buffer when it has no such member. */
export function replaceMember(bytes: Buffer, path: readonly string[], value: string): Buffer {
  const spans = findMember(bytes, path);
  if (spans.length === 0) return bytes;
  return replaceSpans(
    bytes,
    spans.map((span) => ({ span, text: value })),
  );
}

export type ObjectScan = {
  readonly spans: ReadonlyMap<string, Span>;
  /** A name is repeated or written with escapes. */
  readonly isAmbiguous: boolean;
};

/** Members of the object a text consists of, by name; undefined when the text is no object. */
export function scanObject(bytes: Buffer): ObjectScan | undefined {
  const spans = new Map<string, Span>();
  let isAmbiguous = false;
  const end = walkMembers(bytes, 0, (name, value) => {
    const text = bytes.toString("utf8", name.start + 1, name.end - 1);
    if (spans.has(text) || text.includes("\\")) isAmbiguous = true;
    spans.set(text, value);
  });
  return end >= 0 && skipSpace(bytes, end) === bytes.length ? { spans, isAmbiguous } : undefined;
}
