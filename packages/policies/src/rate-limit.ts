import { GatewayError, type DialectName } from "@trunkline/contracts";
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import type { Policy } from "./policy.ts";

/** The limit's state in the caller's own vendor's headers. */
function limitHeaders(dialect: DialectName, limit: number, state: RateLimiterRes, now: number): Record<string, string> {
  const remaining = String(Math.max(0, state.remainingPoints));
  if (dialect === "anthropic-messages") {
    return {
      "anthropic-ratelimit-requests-limit": String(limit),
      "anthropic-ratelimit-requests-remaining": remaining,
      "anthropic-ratelimit-requests-reset": new Date(now + state.msBeforeNext).toISOString(),
    };
  }
  return {
    "x-ratelimit-limit-requests": String(limit),
    "x-ratelimit-remaining-requests": remaining,
    "x-ratelimit-reset-requests": `${(state.msBeforeNext / 1000).toFixed(3)}s`,
  };
}

/** Requests a minute per key, where the key sets a limit. */
export function rateLimit(): Policy {
  const limiters = new Map<number, RateLimiterMemory>();

  function limiterFor(points: number): RateLimiterMemory {
    let limiter = limiters.get(points);
    if (!limiter) limiters.set(points, (limiter = new RateLimiterMemory({ points, duration: 60 })));
    return limiter;
  }

  return function rateLimitPolicy(context) {
    const { key } = context;
    if (!key || key.rpm === null) return undefined;
    const limit = key.rpm;
    return limiterFor(limit)
      .consume(key.id)
      .then(
        (state) => {
          Object.assign(context.answerHeaders, limitHeaders(context.dialect, limit, state, context.now));
        },
        (state: RateLimiterRes) => {
          Object.assign(context.answerHeaders, limitHeaders(context.dialect, limit, state, context.now));
          throw new GatewayError(
            "rate_limited",
            `The key '${key.name}' may send ${limit} requests a minute. Try again in ${Math.ceil(state.msBeforeNext / 1000)} s.`,
            {
              retryAfterMs: state.msBeforeNext,
            },
          );
        },
      );
  };
}
