import type { DialectName } from "./conversation.ts";
import type { Usage } from "./usage.ts";

export type Operation = "generate" | "count-tokens" | "embed";

/** One try at one account, as the trace shows it. */
export type Attempt = {
  readonly provider: string;
  readonly model: string;
  readonly startedAt: number;
  readonly durationMs: number;
  /** HTTP status of the upstream, 0 when none came. */
  readonly status: number;
  readonly error: string | null;
  readonly reason: string | null;
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
};

/** Where finished exchanges go. `record` never blocks and never throws. */
export type LedgerWriter = { record(exchange: ExchangeRecord): void };
