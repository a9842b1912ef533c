import type { Attempt, CacheState, ExchangeRecord, GatewayError, Outcome, Reservation } from "@trunkline/contracts";
import type { LimitHold, PolicyContext, RecordedMeta } from "@trunkline/policies";
import type { Target } from "./catalogue.ts";
import { exchangeRecord } from "./exchange-record.ts";
import type { Incoming } from "./incoming.ts";
import type { Observed } from "./observed.ts";
import type { ExchangeRuntime } from "./runtime.ts";
import { addTargetHeaders } from "./target-headers.ts";

export type SettledListener = (outcome: Outcome, error: GatewayError | undefined) => void;

/** What becomes of one request, kept while it runs and told to the ledger once. */
export type Course = {
  readonly context: PolicyContext;
  readonly attempts: Attempt[];
  readonly degraded: Set<string>;
  /** By the limits of the key, its user and group. */
  hold: LimitHold | undefined;
  /** By the limits of the target that is asked now. */
  targetHold: LimitHold | undefined;
  /** With what was said before, where it builds on that. */
  incoming: Incoming;
  target: Target | undefined;
  route: string;
  cache: CacheState | null;
  /** Whose answer it got from the cache. */
  answeredBy: RecordedMeta | undefined;
  /** Says who knows what was passed over. */
  tellSkipped(skipped: () => readonly Attempt[]): void;
  /** The target that was asked failed: what was held for it is given back. */
  leaveTarget(): void;
  isSettled(): boolean;
  /** Headers of the answer, whatever it will be. */
  headers(): Record<string, string>;
  /** Has a listener called when it is settled. A method, for a member that is a function and is set anew costs a third of a request. */
  onSettled(listener: SettledListener): void;
  /** What others who got the same answer write into their rows; undefined before it is settled. */
  settledMeta(): RecordedMeta | undefined;
  /** Queues the ledger's row, once: it is queued before the last byte leaves. */
  settle(outcome: Outcome, status: number, error: GatewayError | undefined, observed?: Observed): void;
};

const none: readonly never[] = [];

function withSkipped(skipped: readonly Attempt[], attempts: readonly Attempt[]): readonly Attempt[] {
  return skipped.length === 0 ? attempts : [...skipped, ...attempts];
}

const nothing = { inputTokens: 0, outputTokens: 0 };

export function createCourse(runtime: ExchangeRuntime, received: Incoming): Course {
  let settled = false;
  let readSkipped: (() => readonly Attempt[]) | undefined;
  let tellSettled: SettledListener | undefined;
  let settledAs: ExchangeRecord | undefined;
  const reservations: Reservation[] = [];

  function give(hold: LimitHold | undefined, used: { inputTokens: number; outputTokens: number } | undefined): void {
    if (!hold) return;
    hold.end(used ?? nothing);
    for (const reservation of hold.reservations) reservations.push({ ...reservation, isUsed: used !== undefined });
  }

  const course: Course = {
    context: {
      requestId: received.id,
      dialect: received.dialect,
      operation: received.operation,
      secret: received.secret,
      key: received.key,
      killSwitches: [],
      model: received.model,
      answerHeaders: {},
      now: received.receivedAt,
    },
    attempts: [],
    degraded: new Set(),
    hold: undefined,
    targetHold: undefined,
    incoming: received,
    target: undefined,
    route: "",
    cache: null,
    answeredBy: undefined,
    tellSkipped(skipped) {
      readSkipped = skipped;
    },
    leaveTarget() {
      give(course.targetHold, undefined);
      course.targetHold = undefined;
    },
    isSettled: () => settled,
    onSettled(listener) {
      tellSettled = listener;
    },
    settledMeta() {
      if (!settledAs) return undefined;
      const { provider, model, usage, finishReason, serviceTier } = settledAs;
      return { provider, model, usage, finishReason, serviceTier };
    },
    headers() {
      const { context, target, route, attempts, degraded } = course;
      // While an attempt runs it is not among those that ended.
      const tries = attempts.length + (settled ? 0 : 1);
      const headers = { ...context.answerHeaders };
      addTargetHeaders(headers, target, route, tries, degraded);
      return headers;
    },
    settle(outcome, status, error, observed) {
      if (settled) return;
      settled = true;
      const { context, target, route, attempts, degraded, incoming } = course;
      const record = exchangeRecord({
        incoming,
        target,
        route,
        keyId: context.key?.id ?? "",
        outcome,
        status,
        error,
        observed,
        degraded: degraded.size === 0 ? none : [...degraded],
        attempts: withSkipped(readSkipped?.() ?? none, attempts),
        reservations,
        cache: course.cache,
        answeredBy: course.answeredBy,
        sessionId: context.answerHeaders["x-trunkline-session"] ?? null,
        endedAt: runtime.now(),
      });
      give(course.hold, record.usage ?? nothing);
      give(course.targetHold, record.usage ?? nothing);
      settledAs = record;
      tellSettled?.(outcome, error);
      runtime.ledger.record(record);
      runtime.onFinished(record, error?.details.cause);
    },
  };
  return course;
}
