import { createResponseCache, type ResponseCache } from "@trunkline/policies";
import type { Config } from "./config/schema.ts";

/** The cache a configuration asks for; what is in it outlives a change of the configuration that does not concern it. */
export function createAnswerCache(): (config: Config) => ResponseCache | undefined {
  let known = "";
  let cache: ResponseCache | undefined;
  return ({ cache: wanted }) => {
    const text = JSON.stringify(wanted);
    if (text === known) return cache;
    known = text;
    cache = wanted.enabled
      ? createResponseCache({
          maxBytes: Math.floor(wanted.max_mb * 1024 * 1024),
          maxEntryBytes: Math.floor(Math.min(wanted.max_entry_kb, wanted.max_mb * 1024) * 1024),
          ttlMs: wanted.ttl_seconds * 1000,
          isShared: wanted.scope === "shared",
        })
      : undefined;
    return cache;
  };
}
