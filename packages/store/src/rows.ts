import type { Attempt, ExchangeRecord } from "@trunkline/contracts";
import type { AttemptRow, ExchangeRow, LatencySlotRow, UsageSlotRow } from "./schema.ts";
import { slotsOf } from "./statistics/slots.ts";

/** A finished exchange with its price. */
export type PricedExchange = {
  readonly record: ExchangeRecord;
  readonly costNanoUsd: number | null;
  /** What an answer from the cache would have cost. */
  readonly savedNanoUsd: number | null;
};

export function exchangeRow({ record, costNanoUsd, savedNanoUsd }: PricedExchange): ExchangeRow {
  const { usage } = record;
  return {
    id: record.id,
    started_at: Math.round(record.startedAt),
    duration_ms: record.durationMs,
    first_content_ms: record.firstContentMs,
    operation: record.operation,
    dialect: record.dialect,
    upstream_dialect: record.upstreamDialect,
    key_id: record.keyId,
    requested_model: record.requestedModel,
    provider: record.provider,
    model: record.model,
    stream: record.stream ? 1 : 0,
    status: record.status,
    outcome: record.outcome,
    error_code: record.errorCode,
    finish_reason: record.finishReason,
    service_tier: record.serviceTier,
    input_tokens: usage?.inputTokens ?? null,
    output_tokens: usage?.outputTokens ?? null,
    cache_read_tokens: usage?.cacheReadTokens ?? null,
    cache_write_5m_tokens: usage?.cacheWrite5mTokens ?? null,
    cache_write_1h_tokens: usage?.cacheWrite1hTokens ?? null,
    reasoning_tokens: usage?.reasoningTokens ?? null,
    usage_estimated: usage ? (usage.estimated ? 1 : 0) : null,
    cost_nano_usd: costNanoUsd,
    degraded: record.degraded.join(","),
    route: record.route,
    cache: record.cache,
    saved_nano_usd: savedNanoUsd,
    session_id: record.sessionId,
    client: record.client,
  };
}

export function attemptRow(exchangeId: string, number: number, attempt: Attempt): AttemptRow {
  return {
    exchange_id: exchangeId,
    number,
    provider: attempt.provider,
    model: attempt.model,
    started_at: Math.round(attempt.startedAt),
    duration_ms: attempt.durationMs,
    status: attempt.status,
    error: attempt.error,
    reason: attempt.reason,
    skipped: attempt.isSkipped ? 1 : 0,
    until: attempt.until,
  };
}

/** Values of rows in the order of their columns: a third of what the exchanges themselves take on their way to another process. */
export type PackedRows = {
  readonly exchanges: readonly (readonly (string | number | null)[])[];
  readonly attempts: readonly (readonly (string | number | null)[])[];
  /** Per budget and slot: what was spent, and what had been set aside for it. */
  readonly settlements: readonly Settlement[];
  /** What is added to the statistics. */
  readonly usage: readonly UsageSlotRow[];
  readonly latency: readonly LatencySlotRow[];
};

export type Settlement = {
  readonly budget: string;
  readonly slot: number;
  readonly spent: number;
  readonly freed: number;
};

function settlementsOf(exchanges: readonly PricedExchange[]): Settlement[] {
  const found = new Map<string, { budget: string; slot: number; spent: number; freed: number }>();
  for (const { record, costNanoUsd } of exchanges)
    for (const { budget, slot, amount, unit, isUsed } of record.reservations) {
      const name = `${slot} ${budget}`;
      let settlement = found.get(name);
      if (!settlement) found.set(name, (settlement = { budget, slot, spent: 0, freed: 0 }));
      settlement.freed += amount;
      if (isUsed) settlement.spent += unit === "requests" ? amount : (costNanoUsd ?? 0);
    }
  return [...found.values()];
}

const anyExchange = {} as PricedExchange["record"];
export const exchangeColumns = Object.keys(
  exchangeRow({ record: { ...anyExchange, degraded: [] }, costNanoUsd: null, savedNanoUsd: null }),
);
export const attemptColumns = Object.keys(attemptRow("", 1, {} as Attempt));

export function packRows(exchanges: readonly PricedExchange[]): PackedRows {
  const attempts: (string | number | null)[][] = [];
  for (const { record } of exchanges) {
    // A single try that went well says nothing its exchange does not.
    if (record.attempts.length === 1 && record.attempts[0]!.error === null) continue;
    for (const [index, attempt] of record.attempts.entries())
      attempts.push(Object.values(attemptRow(record.id, index + 1, attempt)));
  }
  return {
    exchanges: exchanges.map((exchange) => Object.values(exchangeRow(exchange))),
    attempts,
    settlements: settlementsOf(exchanges),
    ...slotsOf(exchanges),
  };
}
