import { GatewayError, type DialectName } from "@trunkline/contracts";
import type { Policy, PolicyContext } from "./policy.ts";
import type { RequestLimits, Taken } from "./request-windows.ts";

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

/** Requests a minute per key, where the key sets a limit. */
export function rateLimit(limits: RequestLimits): Policy {
  return function rateLimitPolicy(context) {
    const { key } = context;
    if (!key || key.rpm === null) return undefined;
    const taken = limits.take(key.id, key.rpm, context.now);
    return taken instanceof Promise ? taken.then((state) => settle(context, state)) : settle(context, taken);
  };
}

function settle({ key, now, dialect, answerHeaders }: PolicyContext, { granted, remaining, resetMs }: Taken): void {
  const { rpm, name } = key!;
  limitHeaders(answerHeaders, dialect, { limit: rpm!, remaining, resetMs, now });
  if (granted) return;
  throw new GatewayError(
    "rate_limited",
    `The key '${name}' may send ${rpm} requests a minute. Try again in ${Math.ceil(resetMs / 1000)} s.`,
    { retryAfterMs: resetMs },
  );
}
