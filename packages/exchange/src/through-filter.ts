import { createSseParser, replaceMember, sseEvent, type Dialect, type TapResult } from "@trunkline/dialects";
import { parseJsonObject, type JsonObject } from "@trunkline/contracts";

export type ThroughFilter = {
  /** What of these bytes goes to the client, now. */
  push(chunk: Buffer): Buffer | string;
  end(): { readonly rest: Buffer | string; readonly tap: TapResult };
  /** Events seen so far: about one token each, when nothing better is known. */
  events(): number;
};

export type ThroughOptions = {
  readonly dialect: Dialect;
  readonly stream: boolean;
  /** The client wants the events' data as the elements of one JSON array. */
  readonly asJsonArray: boolean;
  /** We asked for a usage chunk the client did not want. */
  readonly withholdUsage: boolean;
  /** The name to put where the upstream names its model; undefined leaves every byte as it is. */
  readonly renameModel: string | undefined;
};

/** Bytes of a whole answer are kept up to this size to read usage from, in bytes. */
const keptForUsage = 64 * 1024 * 1024;

/** The pass-through's eye: reads usage and the end out of bytes that go on untouched, save for the two changes asked for. */
export function createThroughFilter(options: ThroughOptions): ThroughFilter {
  if (!options.stream) return wholeFilter(options);
  if (options.asJsonArray) return arrayFilter(options);
  return options.renameModel === undefined ? watchingFilter(options) : rewritingFilter(options);
}

function rename(text: Buffer, { dialect, renameModel }: ThroughOptions): Buffer {
  if (renameModel === undefined) return text;
  const value = JSON.stringify(renameModel);
  let renamed = text;
  for (const path of dialect.modelPaths) renamed = replaceMember(renamed, path, value);
  return renamed;
}

/** A whole answer is held until it is complete, so that it leaves in one write; past this size its bytes go on as they come. */
const heldAtMost = 1024 * 1024;

function wholeFilter(options: ThroughOptions): ThroughFilter {
  const chunks: Buffer[] = [];
  let size = 0;
  const mustHold = options.renameModel !== undefined;
  const holds = () => mustHold || size <= heldAtMost;
  return {
    events: () => 0,
    push(chunk) {
      const heldBefore = holds();
      size += chunk.length;
      if (size <= keptForUsage || mustHold) chunks.push(chunk);
      if (holds()) return "";
      return heldBefore ? Buffer.concat(chunks) : chunk;
    },
    end() {
      const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      const body: JsonObject | undefined = size > keptForUsage ? undefined : parseJsonObject(whole.toString());
      const tap = options.dialect.readResponse(body ?? {});
      return { rest: holds() ? rename(whole, options) : "", tap: { ...tap, complete: body !== undefined } };
    },
  };
}

/** Where the last event that ends before `limit` ends; 0 when none does. */
function lastEventEnd(bytes: Buffer, limit = bytes.length): number {
  if (limit < 2) return 0;
  // The usual case, without a search.
  if (bytes[limit - 1] === 10 && bytes[limit - 2] === 10) return limit;
  const lineFeeds = bytes.lastIndexOf("\n\n", limit - 2);
  const carriageReturns = limit < 3 ? -1 : bytes.lastIndexOf("\n\r\n", limit - 3);
  return Math.max(lineFeeds < 0 ? 0 : lineFeeds + 2, carriageReturns < 0 ? 0 : carriageReturns + 3);
}

/** An unfinished event longer than this is taken apart as it comes, in bytes. */
const longestTail = 1024 * 1024;

/**
 * Lets bytes through as they are and takes apart only what follows the first sign of an event of interest, found by a search for the
 * tap's sign. With a usage chunk to withhold, an unfinished event waits for its end: it might be that one.
 */
function watchingFilter(options: ThroughOptions): ThroughFilter {
  const { withholdUsage } = options;
  const tap = options.dialect.createUsageTap({ withholdUsage });
  let tail: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let parsedBytes = 0;
  let parsedEvents = 0;
  /** The parsed events that go on, and whether one does not. */
  let kept = "";
  let withheld = false;
  const parser = createSseParser((name, data) => {
    parsedEvents++;
    if (tap.event(name, data)) withheld = true;
    else if (withholdUsage) {
      kept += eventText(name, data);
    }
  });

  /** Where the first event that may be of interest begins; the length when none is. */
  function firstOfInterest(piece: Buffer): number {
    // The first event names the answer.
    if (parsedEvents === 0 || !tap.sign) return 0;
    // Signs are ASCII, so the cheapest decoding finds them.
    const at = tap.sign.exec(piece.toString("latin1"))?.index;
    return at === undefined ? piece.length : lastEventEnd(piece, at);
  }

  /** Takes whole events apart as far as needed; adds what of them goes on to `out`. */
  function take(piece: Buffer, out: Buffer[]): void {
    const from = firstOfInterest(piece);
    if (from > 0) out.push(piece.subarray(0, from));
    if (from === piece.length) return;
    // Behind the opening event the search goes on; behind a sign everything is looked at, for the end is near.
    const opening = parsedEvents === 0 && tap.sign ? piece.indexOf("\n\n") + 2 : 0;
    const to = opening > 1 ? opening : piece.length;
    const parsed = piece.subarray(from, to);
    kept = "";
    withheld = false;
    parser.push(parsed);
    parsedBytes += parsed.length;
    out.push(withheld ? Buffer.from(kept) : parsed);
    if (to < piece.length) take(piece.subarray(to), out);
  }

  return {
    events() {
      return parsedEvents === 0 ? 0 : Math.round((bytes * parsedEvents) / parsedBytes);
    },
    push(chunk) {
      bytes += chunk.length;
      const all = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      const end = lastEventEnd(all) || (all.length > longestTail ? all.length : 0);
      const whole = all.subarray(0, end);
      tail = all.subarray(end);
      const out: Buffer[] = [];
      if (whole.length > 0) take(whole, out);
      if (!withholdUsage) return chunk;
      return out.length === 1 ? out[0]! : Buffer.concat(out);
    },
    end: () => ({ rest: withholdUsage ? tail : "", tap: tap.result() }),
  };
}

/** An event as text, whatever its data holds. */
function eventText(name: string, data: string): string {
  return sseEvent(name, data.replaceAll("\n", "\ndata: "));
}

/** Takes every event apart and writes what `write` makes of those that go on; `last` ends what was written. */
function eachEvent(
  { dialect, withholdUsage }: ThroughOptions,
  write: (name: string, data: string, before: number) => string,
  last: (tap: TapResult, events: number) => string,
): ThroughFilter {
  const tap = dialect.createUsageTap({ withholdUsage });
  let events = 0;
  let out = "";
  const parser = createSseParser((name, data) => {
    if (!tap.event(name, data)) out += write(name, data, events);
    events++;
  });
  return {
    events() {
      return events;
    },
    push(chunk) {
      out = "";
      parser.push(chunk);
      return out;
    },
    end() {
      const result = tap.result();
      return { rest: last(result, events), tap: result };
    },
  };
}

/** The same events with the model's name put right. */
function rewritingFilter(options: ThroughOptions): ThroughFilter {
  const renamed = (data: string) => (data.startsWith("{") ? rename(Buffer.from(data), options).toString() : data);
  return eachEvent(
    options,
    (name, data) => eventText(name, renamed(data)),
    () => "",
  );
}

/** Server-sent events as the elements of a JSON array, as Gemini streams without `alt=sse`. */
function arrayFilter(options: ThroughOptions): ThroughFilter {
  return eachEvent(
    options,
    (_name, data, before) => `${before === 0 ? "[" : ",\r\n"}${rename(Buffer.from(data), options).toString()}`,
    // An array that broke off stays open for the error that follows.
    (tap, events) => (!tap.complete || tap.error ? "" : events === 0 ? "[]" : "]"),
  );
}
