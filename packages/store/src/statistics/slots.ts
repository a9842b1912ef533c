import type { ExchangeRecord } from "@trunkline/contracts";
import type { PricedExchange } from "../rows.ts";
import type { LatencySlotRow, UsageSlotRow } from "../schema.ts";

/**
 * Milliseconds of a stretch: minutes for the last two days, half hours (the finest a common time zone is off by) for longer, and days of UTC,
 * so that months need not be summed up from half hours.
 */
export const fineSlotMs = 60_000;
export const coarseSlotMs = 30 * 60_000;
export const daySlotMs = 24 * 60 * 60_000;
export const slotLengths = [fineSlotMs, coarseSlotMs, daySlotMs] as const;

/**
 * Upper bounds of the buckets durations are counted in, in milliseconds: 1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2 and their
 * multiples by ten up to a quarter of an hour, as electronics spaces its values. A percentile read from them is off by at most a tenth.
 */
export const latencyBounds: readonly number[] = [1, 10, 100, 1000, 10_000, 100_000].flatMap((decade) =>
  [1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2].map((step) => Math.round(step * decade * 10) / 10),
);

/** The bucket a duration falls into: the first whose bound it does not exceed; past the last one there is one more. */
export function latencyBucket(ms: number): number {
  let low = 0;
  let high = latencyBounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms <= latencyBounds[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The bound under which a share of the counted durations lies; null when nothing was counted. Milliseconds. */
export function percentileOf(counts: ReadonlyMap<number, number>, share: number): number | null {
  let total = 0;
  for (const count of counts.values()) total += count;
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (const bucket of [...counts.keys()].toSorted((a, b) => a - b)) {
    seen += counts.get(bucket)!;
    if (seen >= rank) return latencyBounds[Math.min(bucket, latencyBounds.length - 1)]!;
  }
  return null;
}

type Usage = { -readonly [Name in keyof UsageSlotRow]: UsageSlotRow[Name] };

function emptyUsage(
  slotMs: number,
  slot: number,
  { keyId, provider, model, dialect, errorCode }: ExchangeRecord,
): Usage {
  return {
    slot_ms: slotMs,
    slot,
    key_id: keyId,
    provider,
    model,
    dialect,
    error_code: errorCode ?? "",
    requests: 0,
    errors: 0,
    cancelled: 0,
    input_tokens: 0,
    output_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    cost_nano_usd: 0,
    unpriced: 0,
    cache_hits: 0,
    saved_nano_usd: 0,
  };
}

function addTo(sum: Usage, { record, costNanoUsd, savedNanoUsd }: PricedExchange): void {
  const { usage, outcome } = record;
  sum.requests++;
  if (outcome === "error") sum.errors++;
  if (outcome === "cancelled") sum.cancelled++;
  if (record.cache === "hit") sum.cache_hits++;
  sum.saved_nano_usd += savedNanoUsd ?? 0;
  if (!usage) return;
  if (costNanoUsd === null) sum.unpriced++;
  else sum.cost_nano_usd += costNanoUsd;
  // What the cache answered was read and written once already.
  if (record.cache === "hit") return;
  sum.input_tokens += usage.inputTokens;
  sum.output_tokens += usage.outputTokens;
  sum.cache_read_tokens += usage.cacheReadTokens;
  sum.cache_write_tokens += usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
  sum.reasoning_tokens += usage.reasoningTokens;
}

/** What exchanges of one kind used in one minute. */
type Group = {
  readonly record: ExchangeRecord;
  readonly minute: number;
  readonly usage: Usage;
  /** How many answers fell into which bucket. */
  readonly total: Map<number, number>;
  readonly first: Map<number, number>;
};

function isOf({ record, minute }: Group, other: ExchangeRecord, at: number): boolean {
  return (
    minute === at &&
    record.keyId === other.keyId &&
    record.model === other.model &&
    record.provider === other.provider &&
    record.errorCode === other.errorCode &&
    record.dialect === other.dialect
  );
}

function addOne(counts: Map<number, number>, ms: number): void {
  const bucket = latencyBucket(ms);
  counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
}

/** A batch by minute and kind: neighbours are mostly of one, and many requests make few groups. */
function groupsOf(exchanges: readonly PricedExchange[]): Group[] {
  const groups: Group[] = [];
  let group: Group | undefined;
  for (const exchange of exchanges) {
    const { record } = exchange;
    const minute = Math.floor(record.startedAt / fineSlotMs) * fineSlotMs;
    if (!group || !isOf(group, record, minute)) {
      group = groups.find((one) => isOf(one, record, minute));
      if (!group) {
        const usage = emptyUsage(fineSlotMs, minute, record);
        groups.push((group = { record, minute, usage, total: new Map(), first: new Map() }));
      }
    }
    addTo(group.usage, exchange);
    // How long a failure took says nothing of how long an answer takes.
    if (record.outcome !== "ok") continue;
    addOne(group.total, record.durationMs);
    if (record.stream && record.firstContentMs !== null) addOne(group.first, record.firstContentMs);
  }
  return groups;
}

/** What a batch of finished exchanges adds to the statistics: written with them, so that the sums are never anything but theirs. */
export function slotsOf(exchanges: readonly PricedExchange[]): {
  readonly usage: readonly UsageSlotRow[];
  readonly latency: readonly LatencySlotRow[];
} {
  const usage = new Map<string, Usage>();
  const latency = new Map<string, LatencySlotRow>();
  for (const { record, minute, usage: used, total, first } of groupsOf(exchanges)) {
    const { keyId, provider, model, dialect, errorCode } = record;
    for (const slotMs of slotLengths) {
      const slot = Math.floor(minute / slotMs) * slotMs;
      const name = JSON.stringify([slotMs, slot, keyId, provider, model, dialect]);
      const full = `${name} ${errorCode}`;
      let sum = usage.get(full);
      if (!sum) usage.set(full, (sum = emptyUsage(slotMs, slot, record)));
      for (const member of usageSums) sum[member] += used[member];
      for (const [measure, counts] of [
        ["total", total],
        ["first", first],
      ] as const)
        for (const [bucket, count] of counts) {
          const found = latency.get(`${measure} ${bucket} ${name}`);
          if (found) found.count += count;
          else
            latency.set(`${measure} ${bucket} ${name}`, {
              slot_ms: slotMs,
              slot,
              key_id: keyId,
              provider,
              model,
              dialect,
              measure,
              bucket,
              count,
            });
        }
    }
  }
  return { usage: [...usage.values()], latency: [...latency.values()] };
}

export const usageKey = ["slot_ms", "slot", "key_id", "provider", "model", "dialect", "error_code"] as const;
export const usageSums = [
  "requests",
  "errors",
  "cancelled",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "reasoning_tokens",
  "cost_nano_usd",
  "unpriced",
  "cache_hits",
  "saved_nano_usd",
] as const;
export const latencyKey = ["slot_ms", "slot", "key_id", "provider", "model", "dialect", "measure", "bucket"] as const;
