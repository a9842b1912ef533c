import {
  usageOf,
  type Attempt,
  type CacheState,
  type ExchangeRecord,
  type GatewayError,
  type Outcome,
  type Reservation,
  type Usage,
} from "@trunkline/contracts";
import type { RecordedMeta } from "@trunkline/policies";
import type { Observed } from "./observed.ts";
import type { Target } from "./catalogue.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import type { Incoming } from "./incoming.ts";

type ExchangeEnd = {
  readonly incoming: Incoming;
  readonly target: Target | undefined;
  /** The pattern of the route that led there; empty when none did. */
  readonly route: string;
  readonly keyId: string;
  readonly outcome: Outcome;
  readonly status: number;
  readonly error: GatewayError | undefined;
  readonly observed: Observed | undefined;
  readonly degraded: readonly string[];
  readonly attempts: readonly Attempt[];
  /** Set aside in budgets, and to be settled with what it cost. */
  readonly reservations: readonly Reservation[];
  readonly cache: CacheState | null;
  /** Whose answer it got from the cache. */
  readonly answeredBy: RecordedMeta | undefined;
  readonly sessionId: string | null;
  readonly endedAt: number;
};

const longestClient = 200;

function clientOf({ headers }: Incoming): string {
  const agent = headers["user-agent"];
  return typeof agent === "string" ? agent.slice(0, longestClient) : "";
}

/** The row of an exchange that has ended. */
export function exchangeRecord(end: ExchangeEnd): ExchangeRecord {
  const { incoming, target, observed, endedAt, error, outcome, answeredBy } = end;
  return {
    id: incoming.id,
    startedAt: incoming.receivedAt,
    durationMs: endedAt - incoming.receivedAt,
    firstContentMs: observed?.firstContentAt === undefined ? null : observed.firstContentAt - incoming.receivedAt,
    operation: incoming.operation,
    dialect: incoming.dialect,
    upstreamDialect: target?.provider.dialectFor(incoming.dialect, incoming.operation) ?? "",
    requestedModel: incoming.model,
    provider: answeredBy?.provider ?? target?.provider.name ?? "",
    model: answeredBy?.model ?? target?.model ?? "",
    stream: incoming.stream,
    errorCode: error?.code ?? null,
    finishReason: answeredBy?.finishReason ?? observed?.finishReason ?? null,
    serviceTier: answeredBy?.serviceTier ?? observed?.serviceTier ?? null,
    usage: answeredBy ? answeredBy.usage : observed ? billed(observed, outcome, incoming) : null,
    keyId: end.keyId,
    route: end.route,
    outcome,
    status: end.status,
    degraded: end.degraded,
    attempts: end.attempts,
    reservations: end.reservations,
    cache: end.cache,
    sessionId: end.sessionId,
    client: clientOf(incoming),
    trace: incoming.trace,
  };
}

/** An answer cut off before its usage came was billed all the same: what passed is counted, and marked as our count. */
function billed(observed: Observed, outcome: Outcome, incoming: Incoming): Usage | null {
  const { usage, characters, firstContentAt } = observed;
  if (usage && (outcome === "ok" || usage.outputTokens > 0) && outcome !== "cancelled") return usage;
  if (incoming.operation !== "generate" || (outcome !== "ok" && firstContentAt === undefined)) return usage ?? null;
  const outputTokens = Math.max(usage?.outputTokens ?? 0, estimateTokens(characters));
  if (outcome === "ok" && characters === 0) return usage ?? null;
  const inputTokens = usage?.inputTokens ?? estimateTokens(incoming.body.bytes.length);
  return usageOf({ ...usage, inputTokens, outputTokens, estimated: true });
}
