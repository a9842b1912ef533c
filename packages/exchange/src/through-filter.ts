import { createSseParser, replaceMember, type Dialect, type TapResult } from "@trunkline/dialects";
import { parseJsonObject, type JsonObject } from "@trunkline/contracts";

export type ThroughFilter = {
  /** What of these bytes goes to the client, now. */
  push(chunk: Buffer): Buffer | string;
  end(): { readonly rest: Buffer | string; readonly tap: TapResult };
  /** Events seen so far: about one token each, when nothing better is known. */
  readonly events: number;
};

export type ThroughOptions = {
  readonly dialect: Dialect;
  readonly stream: boolean;
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
  return options.withholdUsage || options.renameModel !== undefined
    ? rewritingFilter(options)
    : watchingFilter(options);
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
    events: 0,
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

/** Where the last whole event of these bytes ends; 0 when none does. */
function lastEventEnd(bytes: Buffer): number {
  const lineFeeds = bytes.lastIndexOf("\n\n");
  const carriageReturns = bytes.lastIndexOf("\n\r\n");
  return Math.max(lineFeeds < 0 ? 0 : lineFeeds + 2, carriageReturns < 0 ? 0 : carriageReturns + 3);
}

/** An unfinished event longer than this is taken apart as it comes, in bytes. */
const longestTail = 1024 * 1024;

/**
 * Lets whole events through as they are and takes apart only pieces in which one of interest can be, found by a plain search for the
 * tap's markers. With a usage chunk to withhold, an unfinished event waits for its end: it might be that one.
 */
function watchingFilter(options: ThroughOptions): ThroughFilter {
  const tap = options.dialect.createUsageTap({ withholdUsage: options.withholdUsage });
  const markers = tap.markers?.map((marker) => Buffer.from(marker));
  let tail: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let parsedBytes = 0;
  let parsedEvents = 0;
  let kept = "";
  const parser = createSseParser((name, data) => {
    parsedEvents++;
    if (!tap.event(name, data))
      kept += `${name === "" ? "" : `event: ${name}\n`}data: ${data.replaceAll("\n", "\ndata: ")}\n\n`;
  });

  function isOfInterest(piece: Buffer): boolean {
    return parsedEvents === 0 || !markers || markers.some((marker) => piece.includes(marker));
  }

  return {
    get events() {
      return parsedEvents === 0 ? 0 : Math.round((bytes * parsedEvents) / parsedBytes);
    },
    push(chunk) {
      bytes += chunk.length;
      const all = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      const end = all.length > longestTail && lastEventEnd(all) === 0 ? all.length : lastEventEnd(all);
      const whole = all.subarray(0, end);
      tail = all.subarray(end);
      let out: Buffer | string = options.withholdUsage ? whole : chunk;
      if (whole.length > 0 && isOfInterest(whole)) {
        kept = "";
        const before = parsedEvents;
        parser.push(whole);
        parsedBytes += whole.length;
        if (options.withholdUsage && parsedEvents > before) out = kept;
      }
      return out;
    },
    end() {
      return { rest: options.withholdUsage ? tail : "", tap: tap.result() };
    },
  };
}

/** Writes each event anew once it is complete: the same name and data, one changed or none. */
function rewritingFilter(options: ThroughOptions): ThroughFilter {
  const tap = options.dialect.createUsageTap({ withholdUsage: options.withholdUsage });
  let events = 0;
  let out = "";
  const parser = createSseParser((name, data) => {
    events++;
    if (tap.event(name, data)) return;
    const text = data.startsWith("{") ? rename(Buffer.from(data), options).toString() : data;
    if (name !== "") out += `event: ${name}\n`;
    out += `data: ${text.replaceAll("\n", "\ndata: ")}\n\n`;
  });
  return {
    get events() {
      return events;
    },
    push(chunk) {
      out = "";
      parser.push(chunk);
      return out;
    },
    end: () => ({ rest: "", tap: tap.result() }),
  };
}
