/** Header names in lower case; a repeated one is joined by commas, as RFC 9110 §5.3 allows for all we read. */
export type ResponseHeaders = Readonly<Record<string, string>>;

export type ResponseHandler = {
  /** Interim answers (1xx) are not told. */
  head(status: number, headers: ResponseHeaders): void;
  /** The body's bytes of one read, in one piece. */
  data(chunk: Buffer): void;
  /** The answer is complete. `reusable`: its end was marked and the server keeps the connection. */
  end(reusable: boolean): void;
};

/** What is not HTTP/1.1, or not safely so. */
export class MalformedResponse extends Error {
  readonly code = "MALFORMED_RESPONSE";
}

export type ResponseParser = {
  /** Makes it ready for the next answer of the same connection. */
  reset(): void;
  /** Takes the bytes of one read, which become the parser's own. Throws MalformedResponse. */
  push(bytes: Buffer): void;
  /** The server closed: the end of an answer that is delimited by it, and of any other a failure. True when it was the end. */
  close(): boolean;
};

const lineFeed = 10;
const carriageReturn = 13;
/** Bytes: a head, or the trailers of a chunked body, longer than this are refused. */
const longestHead = 64 * 1024;
/** Characters of one chunk's size with its extensions. */
const longestSizeLine = 256;

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const headerLine =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[\t ]*$/;
const sizeLine = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;.*)?$/;

type State = "head" | "sized" | "until-close" | "chunk-size" | "chunk" | "chunk-end" | "trailers" | "over";

/**
 * Reads one response to a POST or GET (RFC 9112). Strict where leniency would let a hostile server smuggle: an answer framed in two ways,
 * a line that ends in a bare line feed, a folded header or a doubtful size is refused, never guessed at.
 */
export function createResponseParser(handler: ResponseHandler): ResponseParser {
  let state: State = "head";
  /** An unfinished head, size line or trailer of earlier reads. */
  let pending: Buffer | undefined;
  let left = 0;
  let keepAlive = true;
  let trailerBytes = 0;

  /** The text up to the next CRLF, or undefined with the rest kept for later. Moves `at` behind it. */
  let at = 0;
  function line(bytes: Buffer, longest: number): string | undefined {
    const end = bytes.indexOf(lineFeed, at);
    if (end < 0) {
      if (bytes.length - at > longest) throw new MalformedResponse("a line is too long");
      return undefined;
    }
    if (end === at || bytes[end - 1] !== carriageReturn)
      throw new MalformedResponse("a line ends without a carriage return");
    if (end - at > longest) throw new MalformedResponse("a line is too long");
    const text = bytes.toString("latin1", at, end - 1);
    at = end + 1;
    return text;
  }

  function finish(reusable: boolean): void {
    state = "over";
    handler.end(reusable && keepAlive);
  }

  function readHead(text: string): void {
    const lines = text.split("\r\n");
    const status = statusLine.exec(lines[0]!);
    if (!status) throw new MalformedResponse("the status line is not HTTP/1.1");
    const code = Number(status[2]);
    if (code === 101) throw new MalformedResponse("the server changed the protocol unasked");
    if (code < 200) return;
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    for (let index = 1; index < lines.length; index++) {
      const header = headerLine.exec(lines[index]!);
      if (!header) throw new MalformedResponse("a header is malformed");
      const name = header[1]!.toLowerCase();
      const before = headers[name];
      if (before !== undefined && name === "content-length" && before !== header[2])
        throw new MalformedResponse("two different lengths");
      headers[name] = before === undefined || name === "content-length" ? header[2]! : `${before}, ${header[2]!}`;
    }
    const { connection, "content-length": length, "transfer-encoding": encoding } = headers;
    const persistent = status[1] === "1" ? !hasToken(connection, "close") : hasToken(connection, "keep-alive");
    keepAlive = persistent;
    if (encoding !== undefined) {
      if (encoding.toLowerCase() !== "chunked") throw new MalformedResponse("an unknown transfer encoding");
      if (length !== undefined) throw new MalformedResponse("the answer is framed in two ways");
      state = "chunk-size";
    } else if (code === 204 || code === 304) left = 0;
    else if (length === undefined) state = "until-close";
    else if (/^\d{1,15}$/.test(length)) left = Number(length);
    else throw new MalformedResponse("the length is not a number");
    if (state === "head") state = "sized";
    handler.head(code, headers);
  }

  function takeHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0 || end > longestHead) {
      if (bytes.length > longestHead) throw new MalformedResponse("the head is too long");
      pending = bytes;
      return undefined;
    }
    readHead(bytes.toString("latin1", 0, end));
    return bytes.subarray(end + 4);
  }

  /**
   * Chunks of one read are moved together in the read's own buffer, so that the handler hears of them once.
   * Each answer costs one call and no copy beyond that.
   */
  function takeChunks(bytes: Buffer): void {
    let from = -1;
    let to = 0;
    let complete = false;
    at = 0;
    while (at < bytes.length) {
      if (state === "chunk") {
        const take = Math.min(left, bytes.length - at);
        if (from < 0) {
          from = at;
          to = at + take;
        } else {
          bytes.copyWithin(to, at, at + take);
          to += take;
        }
        at += take;
        left -= take;
        if (left === 0) state = "chunk-end";
        continue;
      }
      if (state === "chunk-end") {
        if (bytes.length - at < 2 && bytes[at] === carriageReturn) break;
        if (bytes[at] !== carriageReturn || bytes[at + 1] !== lineFeed)
          throw new MalformedResponse("a chunk is longer than it said");
        at += 2;
        state = "chunk-size";
        continue;
      }
      if (state === "trailers") {
        const before = at;
        const text = line(bytes, longestHead);
        if (text === undefined) break;
        trailerBytes += at - before;
        if (trailerBytes > longestHead) throw new MalformedResponse("the trailers are too long");
        if (text !== "") continue;
        complete = true;
        break;
      }
      const size = plainSize(bytes, at);
      if (size >= 0) {
        while (bytes[at++] !== lineFeed);
        left = size;
      } else {
        const text = line(bytes, longestSizeLine);
        if (text === undefined) break;
        const given = sizeLine.exec(text);
        if (!given) throw new MalformedResponse("a chunk's size is not a number");
        left = Number.parseInt(given[1]!, 16);
      }
      state = left === 0 ? "trailers" : "chunk";
    }
    if (at < bytes.length && !complete) pending = bytes.subarray(at);
    const surplus = complete && at < bytes.length;
    if (from >= 0) handler.data(bytes.subarray(from, to));
    if (complete) finish(!surplus);
  }

  function takeBody(bytes: Buffer): void {
    if (state === "until-close") {
      if (bytes.length > 0) handler.data(bytes);
      return;
    }
    if (state !== "sized") return takeChunks(bytes);
    if (bytes.length < left) {
      left -= bytes.length;
      if (bytes.length > 0) handler.data(bytes);
      return;
    }
    const body = left;
    left = 0;
    if (body > 0) handler.data(bytes.length === body ? bytes : bytes.subarray(0, body));
    // Bytes nobody asked for: whatever they are, this connection is not used again.
    finish(bytes.length === body);
  }

  return {
    reset() {
      state = "head";
      pending = undefined;
      left = 0;
      keepAlive = true;
      trailerBytes = 0;
    },
    push(read) {
      let bytes: Buffer | undefined = read;
      if (pending) {
        // Line by line is slow only for a server that sends its head in crumbs; its length is bounded.
        bytes = Buffer.concat([pending, read]);
        pending = undefined;
      }
      while (state === "head") {
        bytes = takeHead(bytes);
        if (!bytes) return;
      }
      if (state !== "over") takeBody(bytes);
    },
    close() {
      if (state !== "until-close") return false;
      keepAlive = false;
      finish(false);
      return true;
    },
  };
}

/** The number of a line of up to 6 hexadecimal digits and nothing else, as nearly all are; -1 for any other, or half of one. */
function plainSize(bytes: Buffer, from: number): number {
  let size = 0;
  for (let index = from; index <= from + 6; index++) {
    const byte = bytes[index];
    if (byte === undefined) return -1;
    if (byte === carriageReturn) return index > from && bytes[index + 1] === lineFeed ? size : -1;
    const digit = byte <= 57 ? byte - 48 : (byte | 32) - 87;
    if (digit < 0 || digit > 15 || (byte > 57 && digit < 10)) return -1;
    size = size * 16 + digit;
  }
  return -1;
}

function hasToken(header: string | undefined, token: string): boolean {
  return (
    header !== undefined &&
    header
      .toLowerCase()
      .split(/[\t ]*,[\t ]*/)
      .includes(token)
  );
}
