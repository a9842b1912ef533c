import type { DialectName } from "./conversation.ts";
import type { Usage } from "./usage.ts";

export type Operation = "generate" | "count-tokens" | "embed";

/** One try at one target, or one that was passed over, as the trace shows it. */
export type Attempt = {
  readonly provider: string;
  readonly model: string;
  readonly startedAt: number;
  readonly durationMs: number;
  /** HTTP status of the upstream, 0 when none came. */
  readonly status: number;
  readonly error: string | null;
  readonly reason: string | null;
  /** It was passed over without being asked. */
  readonly isSkipped: boolean;
  /** Until when it is passed over; null when that is not known, or it was asked. */
  readonly until: number | null;
};

export type Outcome = "ok" | "error" | "cancelled";

/** One request and its answer, as it is kept; the ledger adds the cost. Times are milliseconds since the epoch, durations milliseconds. */
export type ExchangeRecord = {
  readonly id: string;
  readonly startedAt: number;
  readonly durationMs: number;
  /** Time until the first content reached the client; null when none did. */
  readonly firstContentMs: number | null;
  readonly operation: Operation;
  readonly dialect: DialectName;
  readonly upstreamDialect: string;
  readonly keyId: string;
  /** Pattern of the route that was followed; empty when the model was asked for by its own name. */
  readonly route: string;
  readonly requestedModel: string;
  readonly provider: string;
  readonly model: string;
  readonly stream: boolean;
  readonly status: number;
  readonly outcome: Outcome;
  readonly errorCode: string | null;
  readonly finishReason: string | null;
  readonly serviceTier: string | null;
  readonly usage: Usage | null;
  readonly degraded: readonly string[];
  readonly attempts: readonly Attempt[];
  readonly reservations: readonly Reservation[];
  /** Whether the answer came from the cache; null where answers are not cached. */
  readonly cache: CacheState | null;
  /** The session the turn belonged to; null for none. */
  readonly sessionId: string | null;
  /** What the client calls itself (`User-Agent`), at most 200 characters; empty when it says nothing. */
  readonly client: string;
  /** Null where nothing is traced. */
  readonly trace: TraceContext | null;
};

/** Where an exchange stands in a distributed trace (W3C Trace Context); ids are lower-case hex. */
export type TraceContext = {
  readonly traceId: string;
  /** The exchange's own span. */
  readonly spanId: string;
  /** The client's span; null when it began no trace. */
  readonly parentId: string | null;
  readonly isSampled: boolean;
};

/** `bypass`: the request, or what it asks for, rules the cache out. */
export type CacheState = "hit" | "miss" | "bypass";

/** What one request was reckoned at and has set aside in a budget until it is known what it cost. */
export type Reservation = {
  /** The budget's id. */
  readonly budget: string;
  /** Beginning of the stretch of time it counts in, in milliseconds since the epoch. */
  readonly slot: number;
  /** In the budget's unit: nano-USD, or requests. */
  readonly amount: number;
  /** What it is settled with: the cost, or always one. */
  readonly unit: "usd" | "requests";
  /** False when the target it was for failed: it is settled with nothing. */
  readonly isUsed: boolean;
};

/** Where finished exchanges go. `record` never blocks and never throws. */
export type LedgerWriter = { record(exchange: ExchangeRecord): void };
