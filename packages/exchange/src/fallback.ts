import type { ErrorCode, GatewayError } from "@trunkline/contracts";
import type { Catalogue, Target } from "./catalogue.ts";

/** Failures another provider may do better at: none of them is the request's own fault. */
const elsewhere: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "queue_full",
  "account_signed_out",
  "account_quota_exceeded",
  "program_missing",
  "program_crashed",
  "provider_unavailable",
  "upstream_quota_exceeded",
  "upstream_rate_limited",
  "upstream_overloaded",
  "upstream_unreachable",
  "upstream_timeout",
  "upstream_error",
]);

/** Where a request goes on that its target could not answer; undefined when it ends there. */
export async function fallbackTarget(
  catalogue: Catalogue,
  { provider, model }: Target,
  error: GatewayError,
): Promise<Target | undefined> {
  const { fallback } = provider;
  if (fallback === undefined || !elsewhere.has(error.code)) return undefined;
  const other = catalogue.providers.find(({ name }) => name === fallback);
  if (other) return { provider: other, model };
  try {
    return await catalogue.resolve(fallback);
  } catch {
    // A stand-in that does not exist is no reason for another error than the one there is.
    return undefined;
  }
}
