import { createHash } from "node:crypto";
import type { DialectName, JsonObject, JsonValue, Operation } from "@trunkline/contracts";

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
  readonly body: JsonObject;
};

/** Members that say who asks and not what. */
const aside: ReadonlySet<string> = new Set(["user", "metadata", "safety_identifier", "prompt_cache_key"]);

/** JSON with an object's members in one order, so that their order does not matter. */
function canonical(value: JsonValue | undefined): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

/** A hash that is the same for requests that ask for the same bytes. */
export function cacheKey(question: CacheQuestion): string {
  const { body, vendorHeaders, ...rest } = question;
  const asked = Object.fromEntries(Object.entries(body).filter(([name]) => !aside.has(name)));
  return createHash("sha256")
    .update(canonical({ ...rest, vendorHeaders: { ...vendorHeaders }, body: asked }))
    .digest("base64");
}
