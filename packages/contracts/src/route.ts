import type { DialectName } from "./conversation.ts";
import type { ErrorCode } from "./errors.ts";

/** Why a target failed, in the words a route's `fallback_on` uses. */
export const failureClasses = [
  "rate_limit",
  "overloaded",
  "timeout",
  "auth",
  "not_found",
  "server_error",
  "context_length",
  "content_filter",
] as const;
export type FailureClass = (typeof failureClasses)[number];

/** Failures that are no fault of the request: by default another target is asked after them. */
export const usualFallbacks: readonly FailureClass[] = [
  "rate_limit",
  "overloaded",
  "timeout",
  "auth",
  "not_found",
  "server_error",
];

const classes: Readonly<Partial<Record<ErrorCode, FailureClass>>> = {
  upstream_rate_limited: "rate_limit",
  account_quota_exceeded: "rate_limit",
  queue_full: "rate_limit",
  upstream_overloaded: "overloaded",
  upstream_timeout: "timeout",
  upstream_auth_failed: "auth",
  upstream_quota_exceeded: "auth",
  account_signed_out: "auth",
  upstream_not_found: "not_found",
  upstream_error: "server_error",
  upstream_bad_response: "server_error",
  upstream_ended_early: "server_error",
  upstream_unreachable: "server_error",
  program_crashed: "server_error",
  program_missing: "server_error",
  provider_unavailable: "server_error",
  context_length_exceeded: "context_length",
  content_filtered: "content_filter",
};

/** Undefined for failures no other target can help with: they are the request's own, or the gateway's. */
export function failureClassOf(code: ErrorCode): FailureClass | undefined {
  return classes[code];
}

/** How a route chooses among its targets. */
export const strategies = [
  "priority",
  "weighted",
  "round-robin",
  "least-busy",
  "lowest-latency",
  "cheapest",
  "sticky",
] as const;
export type Strategy = (typeof strategies)[number];

/** When a target may answer; absent members allow anything. */
export type Conditions = {
  readonly dialects?: readonly DialectName[];
  /** Whether the request offers tools. */
  readonly tools?: boolean;
  /** Whether the request holds images. */
  readonly images?: boolean;
  readonly stream?: boolean;
  /** Estimated input tokens, inclusive. */
  readonly minInputTokens?: number;
  readonly maxInputTokens?: number;
  /** Globs over a key's name or id. */
  readonly keys?: readonly string[];
  /** Globs over headers' values, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly time?: TimeCondition;
};

/** Hours of days in a time zone; `from` later than `to` runs past midnight. */
export type TimeCondition = {
  /** Minutes since midnight. */
  readonly from: number;
  readonly to: number;
  /** 0 is Sunday. */
  readonly days: readonly number[];
  /** An IANA name such as `Europe/Berlin`. */
  readonly zone: string;
};

export type RouteTarget = {
  /** `provider/model`; a `*` in the model stands for what the pattern's `*` matched, `$1` for a regex's group. */
  readonly target: string;
  /** Share of the requests, where the strategy shares them out. */
  readonly weight: number;
  readonly when: Conditions;
  /** After which failures of this target the next one is asked. */
  readonly fallbackOn: readonly FailureClass[];
};

export type Route = {
  /** A model's name, a glob, or a regular expression between slashes (RE2). */
  readonly pattern: string;
  readonly strategy: Strategy;
  readonly targets: readonly RouteTarget[];
};
