import type { ExchangeView } from "@trunkline/admin/api";
import type { Key } from "@trunkline/contracts";
import type { ListedExchange } from "@trunkline/store";
import type { Gateway } from "../gateway-types.ts";
import { isoTime } from "../iso-time.ts";

/** Keys by their id, for names. */
export async function keysById({ store }: Gateway): Promise<ReadonlyMap<string, Key>> {
  return new Map((await store.keys.list()).map((key) => [key.id, key]));
}

const dollars = (nano: number | null) => (nano === null ? null : nano / 1e9);

export function shownExchange(row: ListedExchange, keys: ReadonlyMap<string, Key>): ExchangeView {
  const key = keys.get(row.key_id);
  return {
    id: row.id,
    time: isoTime(row.started_at)!,
    duration_ms: row.duration_ms,
    first_content_ms: row.first_content_ms,
    operation: row.operation,
    dialect: row.dialect,
    upstream_dialect: row.upstream_dialect,
    key_id: row.key_id,
    key_name: key?.name ?? "",
    user: key?.user ?? null,
    requested_model: row.requested_model,
    provider: row.provider,
    model: row.model,
    route: row.route,
    session_id: row.session_id,
    client: row.client ?? "",
    stream: row.stream === 1,
    status: row.status,
    outcome: row.outcome as ExchangeView["outcome"],
    error_code: row.error_code,
    finish_reason: row.finish_reason,
    service_tier: row.service_tier,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cache_read_tokens: row.cache_read_tokens,
    cache_write_tokens:
      row.cache_write_5m_tokens === null ? null : row.cache_write_5m_tokens + (row.cache_write_1h_tokens ?? 0),
    reasoning_tokens: row.reasoning_tokens,
    usage_estimated: row.usage_estimated === 1,
    cost_usd: dollars(row.cost_nano_usd),
    saved_usd: dollars(row.saved_nano_usd),
    cache: row.cache,
    degraded: row.degraded === "" ? [] : row.degraded.split(","),
  };
}
