/** The header counts whole seconds, and an answer takes its time: less than this is no difference. */
const leastMs = 2000;

/** What the other side's clock is ahead of ours, in milliseconds, by an answer's `date`; undefined when it has none. */
export function skewOf(headers: Headers, now: number): number | undefined {
  const date = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(date)) return undefined;
  return Math.abs(date - now) < leastMs ? 0 : date - now;
}
