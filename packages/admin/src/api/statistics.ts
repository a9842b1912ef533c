import { z } from "zod";
import { time, timeOrNull } from "./common.ts";

export const statisticsDimensions = ["key", "user", "group", "provider", "model", "dialect", "error"] as const;

export const statisticsQuery = z.strictObject({
  since: time.optional().describe("Default: a day ago."),
  until: time.optional().describe("Default: now. Not part of it."),
  bucket: z
    .enum(["minute", "5m", "30m", "hour", "6h", "day", "all"])
    .default("hour")
    .describe("How long a bucket is. Minutes are kept for two days, half hours for longer."),
  offset_minutes: z.coerce
    .number()
    .int()
    .min(-840)
    .max(840)
    .default(0)
    .describe("Minutes east of UTC days begin at; by the half hour."),
  by: z.enum(statisticsDimensions).optional(),
  key: z.string().max(256).optional(),
  user: z.string().max(100).optional(),
  provider: z.string().max(256).optional(),
  model: z.string().max(256).optional(),
});
export type StatisticsQuery = z.input<typeof statisticsQuery>;

export const statisticsRow = z
  .object({
    time,
    name: z.string().describe("Value of the dimension."),
    requests: z.number(),
    errors: z.number(),
    cancelled: z.number(),
    input_tokens: z.number(),
    output_tokens: z.number(),
    cache_read_tokens: z.number(),
    cache_write_tokens: z.number(),
    reasoning_tokens: z.number(),
    cost_usd: z.number(),
    unpriced: z.number().describe("Requests whose price is not known."),
    cache_hits: z.number(),
    saved_usd: z.number(),
    p50_ms: z.number().nullable(),
    p95_ms: z.number().nullable(),
    p99_ms: z.number().nullable(),
    first_p50_ms: z.number().nullable().describe("Until the first content of a stream."),
    first_p95_ms: z.number().nullable(),
  })
  .meta({ id: "StatisticsRow" });
export type StatisticsRowView = z.output<typeof statisticsRow>;

export const statisticsView = z
  .object({ since: time, until: time, bucket: z.string(), rows: z.array(statisticsRow) })
  .meta({ id: "Statistics" });
export type StatisticsView = z.output<typeof statisticsView>;

export const quotaView = z
  .object({
    provider: z.string(),
    account: z.string(),
    type: z.string(),
    status: z.string(),
    utilization: z.number().nullable(),
    resets: timeOrNull,
    observed: timeOrNull,
  })
  .meta({ id: "Quota" });
export type QuotaView = z.output<typeof quotaView>;

export const healthView = z
  .object({
    status: z.enum(["ok", "degraded"]),
    version: z.string(),
    started: time,
    database: z.string(),
    ledger: z.object({ queued: z.number(), dropped: z.number() }),
    active: z.number().describe("Requests being answered."),
    waiting: z.number().describe("Requests waiting for a place at a program."),
    providers: z.object({ ok: z.int(), resting: z.int(), unavailable: z.int() }),
    kill_switches: z.int(),
    problems: z.array(z.string()),
    disk_free_bytes: z.number().nullable(),
    memory_bytes: z.number(),
  })
  .meta({ id: "Health" });
export type HealthView = z.output<typeof healthView>;
