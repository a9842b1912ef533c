import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { usageOf, type ExchangeRecord, type Outcome } from "@trunkline/contracts";
import { startPostgres, type TestPostgres } from "@trunkline/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createSecretBox,
  openStore,
  type PricedExchange,
  type StatisticsQuestion,
  type StatisticsRow,
  type Store,
} from "../src/index.ts";
import { latencyBounds, latencyBucket, percentileOf } from "../src/statistics/slots.ts";
import { slotFor } from "../src/statistics/statistics.ts";

const folder = mkdtempSync(join(tmpdir(), "trunkline-statistics-"));
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
  rmSync(folder, { recursive: true, force: true });
});

const now = Date.UTC(2026, 10, 20, 12, 34, 56);
const day = 86_400_000;

const anExchange = fc
  .record({
    agoMs: fc.oneof(fc.integer({ min: 0, max: 3 * 3_600_000 }), fc.integer({ min: 0, max: 20 * day })),
    durationMs: fc.double({ min: 0, max: 2_000_000, noNaN: true }),
    keyId: fc.constantFrom("key_1", "key_2", ""),
    provider: fc.constantFrom("p", "q", ""),
    model: fc.constantFrom("m", "n'; --", "模型"),
    outcome: fc.constantFrom<Outcome>("ok", "error", "cancelled"),
    stream: fc.boolean(),
    tokens: fc.option(fc.integer({ min: 0, max: 5_000_000 })),
    cost: fc.option(fc.integer({ min: 0, max: 9_000_000_000_000 })),
    cache: fc.constantFrom("hit" as const, "miss" as const, null),
  })
  .map(({ agoMs, tokens, cost, outcome, ...rest }): PricedExchange => {
    const isHit = rest.cache === "hit";
    const record: ExchangeRecord = {
      ...rest,
      id: "req_1",
      startedAt: now - agoMs,
      firstContentMs: outcome === "ok" ? rest.durationMs / 2 : null,
      operation: "generate",
      dialect: "openai-chat",
      upstreamDialect: "openai-chat",
      route: "",
      requestedModel: rest.model,
      status: outcome === "ok" ? 200 : 500,
      outcome,
      errorCode: outcome === "ok" ? null : outcome === "error" ? "upstream_error" : "client_closed",
      finishReason: null,
      serviceTier: null,
      usage:
        tokens === null
          ? null
          : usageOf({ inputTokens: tokens, outputTokens: 7, cacheReadTokens: Math.floor(tokens / 2) }),
      degraded: [],
      attempts: [],
      reservations: [],
      sessionId: null,
      client: "",
      trace: null,
    };
    return { record, costNanoUsd: isHit ? 0 : tokens === null ? null : cost, savedNanoUsd: isHit ? cost : null };
  });

/** The same from the exchanges themselves: what the sums must never differ from. */
function fullScan(all: readonly PricedExchange[], question: StatisticsQuestion): Map<string, StatisticsRow> {
  const { since, until, bucketMs, offsetMs = 0, by, keyIds, provider } = question;
  const slotMs = slotFor(question, now);
  const from = Math.floor(since / slotMs) * slotMs;
  const groups = new Map<string, PricedExchange[]>();
  for (const exchange of all) {
    const { record } = exchange;
    const slot = Math.floor(record.startedAt / slotMs) * slotMs;
    if (slot < from || slot >= until) continue;
    if (keyIds && !keyIds.includes(record.keyId)) continue;
    if (provider !== undefined && record.provider !== provider) continue;
    const at = bucketMs === null ? from : Math.floor((slot + offsetMs) / bucketMs) * bucketMs - offsetMs;
    const name =
      by === "key"
        ? record.keyId
        : by === "model"
          ? record.provider === ""
            ? record.model
            : `${record.provider}/${record.model}`
          : by === "error"
            ? (record.errorCode ?? "")
            : "";
    const group = `${at} ${name}`;
    groups.set(group, [...(groups.get(group) ?? []), exchange]);
  }
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const share = (values: readonly number[], part: number) => {
    if (values.length === 0) return null;
    const sorted = values.map(latencyBucket).toSorted((a, b) => a - b);
    const bucket = sorted[Math.max(1, Math.ceil(sorted.length * part)) - 1]!;
    return latencyBounds[Math.min(bucket, latencyBounds.length - 1)]!;
  };
  return new Map(
    [...groups].map(([group, found]) => {
      const at = Number(group.slice(0, group.indexOf(" ")));
      const name = group.slice(group.indexOf(" ") + 1);
      const used = found.filter(({ record }) => record.usage && record.cache !== "hit");
      // Errors are not timed: by error, only what has none is.
      const timed = found.filter(({ record }) => record.outcome === "ok");
      const total = timed.map(({ record }) => record.durationMs);
      const first = timed.flatMap(({ record }) =>
        record.stream && record.firstContentMs !== null ? [record.firstContentMs] : [],
      );
      const row: StatisticsRow = {
        at,
        name,
        requests: found.length,
        errors: found.filter(({ record }) => record.outcome === "error").length,
        cancelled: found.filter(({ record }) => record.outcome === "cancelled").length,
        input_tokens: sum(used.map(({ record }) => record.usage!.inputTokens)),
        output_tokens: sum(used.map(({ record }) => record.usage!.outputTokens)),
        cache_read_tokens: sum(used.map(({ record }) => record.usage!.cacheReadTokens)),
        cache_write_tokens: 0,
        reasoning_tokens: sum(used.map(({ record }) => record.usage!.reasoningTokens)),
        cost_nano_usd: sum(found.map(({ costNanoUsd, record }) => (record.usage ? (costNanoUsd ?? 0) : 0))),
        unpriced: found.filter(({ record, costNanoUsd }) => record.usage && costNanoUsd === null).length,
        cache_hits: found.filter(({ record }) => record.cache === "hit").length,
        saved_nano_usd: sum(found.map(({ savedNanoUsd }) => savedNanoUsd ?? 0)),
        p50: share(total, 0.5),
        p95: share(total, 0.95),
        p99: share(total, 0.99),
        firstP50: share(first, 0.5),
        firstP95: share(first, 0.95),
      };
      return [group, row] as const;
    }),
  );
}

const questions: readonly StatisticsQuestion[] = [
  { since: now - 3_600_000, until: now + 1, bucketMs: 60_000 },
  { since: now - day, until: now + 1, bucketMs: 3_600_000, by: "model" },
  { since: now - 30 * day, until: now + 1, bucketMs: day, offsetMs: 5.5 * 3_600_000 },
  { since: now - 30 * day, until: now + 1, bucketMs: day, offsetMs: -8 * 3_600_000, by: "key" },
  { since: now - 30 * day, until: now + 1, bucketMs: null, by: "error" },
  { since: now - 7 * day, until: now - day, bucketMs: null, keyIds: ["key_1", "key_2"], provider: "p" },
  { since: now - 7 * day, until: now, bucketMs: 3_600_000, keyIds: [] },
  { since: Date.UTC(2026, 9, 25), until: now + 1, bucketMs: day, by: "model" },
  { since: Date.UTC(2026, 9, 25), until: now + 1, bucketMs: null },
  { since: Date.UTC(2026, 10, 2), until: Date.UTC(2026, 10, 12), bucketMs: 7 * day, by: "key" },
];

describe.each(["sqlite", "postgres"] as const)("%s", (kind) => {
  let turn = 0;

  async function withStore(use: (store: Store) => Promise<void>): Promise<void> {
    const location = kind === "sqlite" ? join(folder, `${++turn}.db`) : await postgres.database(`statistics_${++turn}`);
    const store = await openStore({
      location,
      secretBox: createSecretBox(() => [Buffer.alloc(32, 7)]),
      now: () => now,
    });
    try {
      await use(store);
    } finally {
      await store.close();
    }
  }

  test("sums written with the exchanges equal a full scan of them", { timeout: 120_000 }, () =>
    withStore(async (store) => {
      const written: PricedExchange[] = [];
      await fc.assert(
        fc.asyncProperty(fc.array(anExchange, { maxLength: 40 }), async (batch) => {
          await store.appendExchanges(batch);
          written.push(...batch);
          for (const question of questions) {
            const rows = await store.statistics.read(question);
            expect(new Map(rows.map((row) => [`${row.at} ${row.name}`, row]))).toEqual(fullScan(written, question));
          }
        }),
        { numRuns: kind === "sqlite" ? 40 : 15, seed: 20_261_120 },
      );
    }),
  );
});

test("stretches are as long as the question lets them be, and never longer", () => {
  const at = (more: Partial<StatisticsQuestion>) =>
    slotFor({ since: Date.UTC(2026, 10, 1), until: now + 1, bucketMs: day, ...more }, now) / 60_000;
  expect(at({})).toBe(1440);
  expect(at({ bucketMs: null })).toBe(1440);
  expect(at({ until: now - 1 })).toBe(30);
  expect(at({ offsetMs: 3_600_000 })).toBe(30);
  expect(at({ bucketMs: 3_600_000 })).toBe(30);
  expect(at({ since: now - day, bucketMs: null })).toBe(1);
  expect(at({ since: now - day, bucketMs: 3_600_000 })).toBe(30);
  expect(at({ since: now - day, bucketMs: 300_000 })).toBe(1);
});

describe("buckets", () => {
  test("grow by at most a quarter, so that a percentile is off by less", () => {
    for (const [index, bound] of latencyBounds.entries())
      if (index > 0) expect(bound / latencyBounds[index - 1]!).toBeLessThan(1.26);
  });

  test("take what does not exceed their bound, and what is longer than all in one of its own", () => {
    expect([0, 1, 1.1, 1.2, 820_000, 9e9].map(latencyBucket)).toEqual([
      0,
      0,
      1,
      1,
      latencyBounds.length - 1,
      latencyBounds.length,
    ]);
  });

  test("of nothing there is no percentile", () => {
    expect(percentileOf(new Map(), 0.5)).toBeNull();
    expect(percentileOf(new Map([[3, 1]]), 0.99)).toBe(latencyBounds[3]);
  });
});
