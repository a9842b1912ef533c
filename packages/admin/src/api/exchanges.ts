import { z } from "zod";
import { pageQuery, time, timeOrNull } from "./common.ts";

export const exchangeView = z
  .object({
    id: z.string(),
    time,
    duration_ms: z.number(),
    first_content_ms: z.number().nullable(),
    operation: z.string(),
    dialect: z.string(),
    upstream_dialect: z.string(),
    key_id: z.string(),
    key_name: z.string().describe("Empty when the key is not known any more."),
    user: z.string().nullable(),
    requested_model: z.string(),
    provider: z.string(),
    model: z.string(),
    route: z.string().nullable(),
    session_id: z.string().nullable(),
    client: z.string(),
    stream: z.boolean(),
    status: z.int(),
    outcome: z.enum(["ok", "error", "cancelled"]),
    error_code: z.string().nullable(),
    finish_reason: z.string().nullable(),
    service_tier: z.string().nullable(),
    input_tokens: z.number().nullable(),
    output_tokens: z.number().nullable(),
    cache_read_tokens: z.number().nullable(),
    cache_write_tokens: z.number().nullable(),
    reasoning_tokens: z.number().nullable(),
    usage_estimated: z.boolean(),
    cost_usd: z.number().nullable(),
    saved_usd: z.number().nullable(),
    cache: z.string().nullable(),
    degraded: z.array(z.string()),
  })
  .meta({ id: "Exchange" });
export type ExchangeView = z.output<typeof exchangeView>;

export const attemptView = z
  .object({
    number: z.int(),
    provider: z.string(),
    model: z.string(),
    started: time,
    duration_ms: z.number(),
    status: z.int(),
    error: z.string().nullable(),
    reason: z.string().nullable(),
    skipped: z.boolean().describe("Passed over without being asked."),
    until: timeOrNull,
  })
  .meta({ id: "Attempt" });
export type AttemptView = z.output<typeof attemptView>;

export const exchangeDetail = z
  .object({
    exchange: exchangeView,
    attempts: z.array(attemptView),
    content: z
      .object({ request: z.string(), answer: z.string(), truncated: z.boolean() })
      .nullable()
      .describe("Only where `ledger.store_content` is on, for whoever may read it."),
    content_stored: z.boolean(),
  })
  .meta({ id: "ExchangeDetail" });
export type ExchangeDetail = z.output<typeof exchangeDetail>;

const filters = {
  since: time.optional(),
  until: time.optional(),
  status: z.coerce.number().int().min(100).max(599).optional(),
  outcome: z.enum(["ok", "error", "cancelled"]).optional(),
  key: z.string().max(256).optional().describe("A key's id or name."),
  user: z.string().max(100).optional(),
  provider: z.string().max(256).optional(),
  model: z.string().max(256).optional().describe("As asked for, or as answered."),
  session: z.string().max(256).optional(),
  error_code: z.string().max(100).optional(),
  min_cost_usd: z.coerce.number().nonnegative().max(1_000_000).optional(),
  min_duration_ms: z.coerce.number().nonnegative().max(1e9).optional(),
  id: z.string().max(128).optional().describe("The request's id, or its beginning."),
};
export const exchangeFilters = z.strictObject(filters);
export const exchangeQuery = z.strictObject({ ...filters, ...pageQuery.shape });
export type ExchangeQuery = z.input<typeof exchangeQuery>;
export const exportQuery = z.strictObject({
  ...filters,
  format: z.enum(["csv", "ndjson"]).default("csv"),
  most: z.coerce.number().int().min(1).max(1_000_000).default(100_000).describe("Rows at the most."),
});
