import { hash } from "node:crypto";
import type { DialectName, Operation } from "@trunkline/contracts";

/** What makes two requests the same. */
export type CacheQuestion = {
  /** The key's id, or the same for all where answers are shared. */
  readonly scope: string;
  readonly dialect: DialectName;
  readonly operation: Operation;
  readonly model: string;
  readonly stream: boolean;
  readonly isJsonArray: boolean;
  readonly vendorHeaders: Readonly<Record<string, string>>;
  /** The body's outermost members, by name, as JSON text. */
  readonly members: readonly (readonly [name: string, text: string])[];
};

/** Members that say who asks and not what. */
const aside: ReadonlySet<string> = new Set(["user", "metadata", "safety_identifier", "prompt_cache_key"]);

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** A hash, of a byte a character, that is the same for requests that ask for the same bytes. The order of the body's members does not matter. */
export function cacheKey(question: CacheQuestion): string {
  const { scope, dialect, operation, model, stream, isJsonArray, vendorHeaders } = question;
  let text = `${scope} ${dialect} ${operation} ${stream} ${isJsonArray} ${JSON.stringify(model)}`;
  for (const name in vendorHeaders) text += ` ${name}: ${JSON.stringify(vendorHeaders[name])}`;
  for (const [name, value] of question.members.toSorted(byName))
    if (!aside.has(name)) text += `,${JSON.stringify(name)}:${value}`;
  return hash("sha256", text, "latin1");
}
