import { asArray, asObject, isObject, type JsonObject, type JsonValue } from "@trunkline/contracts";
import { mostBreakpoints } from "./schema.ts";

/**
 * At most four cache breakpoints, and a longer time to live may not follow a shorter one in the order tools, system, messages.
 * Breaking either is a 400 upstream, so what is too much is taken away from the front (the last ones cache the most) and a 1 h
 * behind a 5 m becomes 5 m.
 */
export function limitBreakpoints(body: JsonObject, degraded: Set<string>): void {
  const marked = [...blocksOf(body)].filter((block) => isObject(block["cache_control"]));
  for (const block of marked.slice(0, Math.max(0, marked.length - mostBreakpoints))) {
    delete block["cache_control"];
    degraded.add("cache_control");
  }
  let short = false;
  for (const block of marked) {
    const control = asObject(block["cache_control"]);
    if (!control) continue;
    if (control["ttl"] !== "1h") short = true;
    else if (short) {
      block["cache_control"] = { ...control, ttl: "5m" };
      degraded.add("cache_control.ttl");
    }
  }
}

/** Every block that may carry a breakpoint, in the order the cache sees them. */
function* blocksOf(body: JsonObject): Generator<JsonObject> {
  yield* objects(body["tools"]);
  yield* objects(body["system"]);
  for (const message of objects(body["messages"])) yield* objects(message["content"]);
}

function* objects(value: JsonValue | undefined): Generator<JsonObject> {
  for (const item of asArray(value)) if (isObject(item)) yield item;
}
