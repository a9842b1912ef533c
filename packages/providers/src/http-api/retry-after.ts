import type { AnswerHeaders } from "./send.ts";

function text(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Milliseconds a vendor asks to wait, from `retry-after-ms`, `retry-after` (seconds or a date) or Anthropic's reset time; undefined when it does not say. */
export function retryAfterMs(headers: AnswerHeaders, now: number): number | undefined {
  const precise = Number(text(headers, "retry-after-ms"));
  if (Number.isFinite(precise) && precise > 0) return Math.ceil(precise);
  for (const name of ["retry-after", "anthropic-ratelimit-unified-reset"]) {
    const value = text(headers, name);
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
