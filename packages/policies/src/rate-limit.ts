import { GatewayError, type DialectName } from "@trunkline/contracts";
import type { Policy } from "./policy.ts";

/** The limit's state in the caller's own vendor's headers. */
function limitHeaders(
  headers: Record<string, string>,
  dialect: DialectName,
  { limit, remaining, resetMs, now }: { limit: number; remaining: number; resetMs: number; now: number },
): void {
  if (dialect === "anthropic-messages") {
    headers["anthropic-ratelimit-requests-limit"] = String(limit);
    headers["anthropic-ratelimit-requests-remaining"] = String(remaining);
    headers["anthropic-ratelimit-requests-reset"] = new Date(now + resetMs).toISOString();
    return;
  }
  headers["x-ratelimit-limit-requests"] = String(limit);
  headers["x-ratelimit-remaining-requests"] = String(remaining);
  headers["x-ratelimit-reset-requests"] = `${(resetMs / 1000).toFixed(3)}s`;
}

const windowMs = 60_000;
/** Keys whose windows are kept; the oldest go first, long after their minute is over. */
const mostWindows = 100_000;

/** Requests a minute per key, where the key sets a limit: a fixed window that begins with a key's first request. */
export function rateLimit(): Policy {
  const windows = new Map<string, { began: number; used: number }>();

  return function rateLimitPolicy({ key, now, dialect, answerHeaders }) {
    if (!key || key.rpm === null) return undefined;
    let window = windows.get(key.id);
    // A clock set back begins a new window too: the old one might never end.
    if (!window || now >= window.began + windowMs || now < window.began) {
      windows.delete(key.id);
      if (windows.size >= mostWindows) windows.delete(windows.keys().next().value!);
      windows.set(key.id, (window = { began: now, used: 0 }));
    }
    const resetMs = window.began + windowMs - now;
    const isOver = window.used >= key.rpm;
    if (!isOver) window.used++;
    limitHeaders(answerHeaders, dialect, {
      limit: key.rpm,
      remaining: Math.max(0, key.rpm - window.used),
      resetMs,
      now,
    });
    if (!isOver) return undefined;
    throw new GatewayError(
      "rate_limited",
      `The key '${key.name}' may send ${key.rpm} requests a minute. Try again in ${Math.ceil(resetMs / 1000)} s.`,
      { retryAfterMs: resetMs },
    );
  };
}
