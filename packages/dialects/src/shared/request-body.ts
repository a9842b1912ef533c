import { GatewayError, isObject, type JsonObject, type JsonValue } from "@trunkline/contracts";
import { replaceSpans, scanObject, type Replacement, type Span } from "./splice.ts";

/** The name itself, and escapes its letters could hide behind. */
const trickyNames = ["__proto__", "\\u005", "\\u006", "\\u007"];

/** Bytes up to which a body is parsed at once: looking for members costs as much then. */
const parsedAtOnce = 16 * 1024;

/**
 * A request's JSON text, taken apart only as far as somebody asks. Most large bodies go through to an upstream of the same dialect, which
 * takes no more of them than a name and a few switches; parsing 200 KB costs as much as everything else done for such a request.
 */
export class RequestBody {
  /** As it may be sent on: the client's own bytes, but where those could be read in two ways. */
  readonly bytes: Buffer;
  private readonly spans: ReadonlyMap<string, Span> | undefined;
  private readonly seen = new Map<string, JsonValue | undefined>();
  private parsed: JsonObject | undefined;

  /** Throws `invalid_json`. Of a large body only the outermost object is checked; the rest when it is asked for. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const scan = scanObject(bytes);
    if (scan && !scan.isAmbiguous) this.spans = scan.spans;
    if (this.spans && bytes.length > parsedAtOnce) return;
    this.parsed = parseBody(bytes);
    // A name given twice, or hidden behind escapes, may count for us and not for the upstream: both get the same then.
    if (!this.spans) this.bytes = Buffer.from(JSON.stringify(this.parsed));
  }

  /** A member of the outermost object. Throws `invalid_json` when its value is none. */
  member(name: string): JsonValue | undefined {
    if (this.parsed) return this.parsed[name];
    const span = this.spans!.get(name);
    if (!span) return undefined;
    if (!this.seen.has(name)) this.seen.set(name, parse(this.bytes.subarray(span.start, span.end)) as JsonValue);
    return this.seen.get(name);
  }

  /** All of it. Throws `invalid_json`. */
  whole(): JsonObject {
    this.parsed ??= parseBody(this.bytes);
    return this.parsed;
  }

  /** The outermost object's members in their order, each value as the JSON text it came in. */
  members(): [name: string, text: string][] {
    if (!this.spans)
      return Object.entries(this.parsed!).map(([name, value]) => [name, JSON.stringify(value) ?? "null"]);
    // Taken apart from one text: a piece of a string is no copy.
    const text = this.bytes.toString("latin1");
    const found: [string, string][] = [];
    for (const [name, { start, end }] of this.spans) found.push([name, text.slice(start, end)]);
    return found;
  }

  /** The text with members set, and every other byte as it was. */
  with(changes: Readonly<Record<string, JsonValue>>): Buffer {
    if (!this.spans) return Buffer.from(JSON.stringify({ ...this.parsed, ...changes }));
    const added: string[] = [];
    const replacements: Replacement[] = [];
    for (const [name, value] of Object.entries(changes)) {
      const span = this.spans.get(name);
      if (span) replacements.push({ span, text: JSON.stringify(value) });
      else added.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    }
    if (added.length > 0) {
      const first = this.bytes.indexOf(123) + 1;
      const text = added.join(",") + (this.spans.size > 0 ? "," : "");
      replacements.push({ span: { start: first, end: first }, text });
    }
    return replaceSpans(
      this.bytes,
      replacements.toSorted((a, b) => a.span.start - b.span.start),
    );
  }
}

/** A body made of an object: a request put together by ourselves. */
export function bodyOf(value: JsonObject): RequestBody {
  return new RequestBody(Buffer.from(JSON.stringify(value)));
}

/** The text as a JSON object. Throws `invalid_json` that says where the text breaks off. */
function parseBody(bytes: Buffer): JsonObject {
  const value = parse(bytes);
  if (!isObject(value)) throw new GatewayError("invalid_json", "The request body must be a JSON object.");
  return value;
}

function parse(bytes: Buffer): unknown {
  const text = bytes.toString("utf8");
  // A member of this name, also one written with escapes, would change an object's prototype wherever it is copied.
  const isTricky = trickyNames.some((name) => bytes.includes(name));
  try {
    return isTricky
      ? JSON.parse(text, (key, member: unknown) => (key === "__proto__" ? undefined : member))
      : JSON.parse(text);
  } catch (error) {
    if (text.trim() === "") throw new GatewayError("invalid_json", "The request body is empty. Send a JSON object.");
    const reason = error instanceof SyntaxError ? error.message.slice(0, 200) : "it is nested too deeply";
    throw new GatewayError("invalid_json", `We could not parse the JSON body of your request: ${reason}`);
  }
}
