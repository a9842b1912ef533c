import type { ResponseHeaders } from "../http1/response-parser.ts";

/** Milliseconds a vendor asks to wait, from `retry-after-ms`, `retry-after` (seconds or a date) or Anthropic's reset time; undefined when it does not say. */
export function retryAfterMs(headers: ResponseHeaders, now: number): number | undefined {
  const precise = Number(headers["retry-after-ms"]);
  if (Number.isFinite(precise) && precise > 0) return Math.ceil(precise);
  for (const name of ["retry-after", "anthropic-ratelimit-unified-reset"]) {
    const value = headers[name];
    if (value === undefined) continue;
    const seconds = Number(value);
    // Anthropic's reset is in seconds since the epoch.
    const wait = Number.isFinite(seconds)
      ? seconds > 1e9
        ? seconds * 1000 - now
        : seconds * 1000
      : Date.parse(value) - now;
    if (Number.isFinite(wait)) return Math.max(0, Math.ceil(wait));
  }
  return undefined;
}
