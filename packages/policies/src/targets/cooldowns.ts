import type { ErrorCode, GatewayError } from "@trunkline/contracts";

/** What a failure means for the requests after it. */
export type Cooldown = {
  /** Everything at the provider rests, for its credential is what failed; or only this model. */
  readonly isProviderWide: boolean;
  /** Milliseconds. */
  readonly ms: number;
  /** The vendor has said when it may be asked again: until then it is not, even by a request that has no other target. */
  readonly isBinding: boolean;
  /** The failure counts towards opening the target's breaker. */
  readonly isFault: boolean;
};

const minute = 60_000;
const hour = 60 * minute;
/** No vendor's window is longer; what says otherwise is a mistake or worse. */
const longestMs = 7 * 24 * hour;
const firstUnknownResetMs = 1000;
const longestUnknownResetMs = 5 * minute;

/** A fault says little about the next request: who has no other target may go on asking, and the breaker bounds how often. */
const fault: Cooldown = { isProviderWide: false, ms: minute, isBinding: false, isFault: true };
const credential: Cooldown = { isProviderWide: true, ms: 30 * minute, isBinding: false, isFault: false };

/** Programs' accounts rest by their own knowledge of their plans, and our own queues empty by themselves: neither stands here. */
const rules: Readonly<Partial<Record<ErrorCode, Cooldown>>> = {
  upstream_auth_failed: credential,
  upstream_quota_exceeded: credential,
  upstream_not_found: { isProviderWide: false, ms: 12 * hour, isBinding: false, isFault: false },
  upstream_error: fault,
  upstream_overloaded: fault,
  upstream_timeout: fault,
  upstream_unreachable: fault,
  upstream_ended_early: fault,
  upstream_bad_response: fault,
  program_crashed: fault,
};

/**
 * How long a target rests after a failure; undefined when the failure says nothing about it. `streak` counts the rate limits in a row
 * before this one, from which the rest is reckoned where the vendor does not say when its window ends.
 */
export function cooldownAfter(error: GatewayError, streak: number): Cooldown | undefined {
  const { retryAfterMs } = error.details;
  if (error.code === "upstream_rate_limited") {
    const ms = retryAfterMs ?? Math.min(longestUnknownResetMs, firstUnknownResetMs * 2 ** Math.min(streak, 20));
    return {
      isProviderWide: false,
      ms: Math.min(longestMs, Math.max(1, ms)),
      isBinding: retryAfterMs !== undefined,
      isFault: false,
    };
  }
  const rule = rules[error.code];
  return rule && { ...rule, ms: rule.isFault && retryAfterMs ? Math.min(longestMs, retryAfterMs) : rule.ms };
}
