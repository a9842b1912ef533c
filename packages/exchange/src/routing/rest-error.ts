import { GatewayError } from "@trunkline/contracts";
import type { Rest } from "@trunkline/policies";

/** What a request is told whose target rests: the failure it rests for, until when, and when to come again. */
export function restError({ kind, until, code, reason }: Rest, name: string, now: number): GatewayError {
  const when = new Date(until).toISOString();
  const retryAfterMs = Math.max(1, until - now);
  return kind === "breaker"
    ? new GatewayError(
        "circuit_open",
        `${name} failed every time of late and is not asked again before ${when}. Last: ${reason}`,
        { retryAfterMs },
      )
    : new GatewayError(code, `${name} rests until ${when}. ${reason}`, { retryAfterMs });
}
