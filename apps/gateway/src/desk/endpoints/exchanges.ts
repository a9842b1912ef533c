import {
  exchangeDetail,
  exchangeFilters,
  exchangeQuery,
  exchangeView,
  exportQuery,
  pageOf,
  statisticsQuery,
  statisticsView,
  type AttemptView,
  type StatisticsRowView,
} from "@trunkline/admin/api";
import { GatewayError, scopesOf, type Key } from "@trunkline/contracts";
import type { ExchangeFilter, ListedAttempt, ListedExchange, StatisticsRow } from "@trunkline/store";
import { z } from "zod";
import type { Gateway } from "../../gateway-types.ts";
import { isoTime } from "../../iso-time.ts";
import { amountOf } from "../../limits/amounts.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { csvHeader, csvLine } from "../csv.ts";
import { streamLive } from "../live.ts";
import { keysById, shownExchange } from "../shown-exchange.ts";
import { numberCursor, pageOfFound } from "../page.ts";

const tag = "Requests";

function shownAttempt(row: ListedAttempt): AttemptView {
  return {
    number: row.number,
    provider: row.provider,
    model: row.model,
    started: isoTime(row.started_at)!,
    duration_ms: row.duration_ms,
    status: row.status,
    error: row.error,
    reason: row.reason,
    skipped: row.skipped === 1,
    until: isoTime(row.until),
  };
}

/** A single try that went well has no row of its own: its exchange says all of it. */
function onlyAttempt({ provider, model, started_at: at, duration_ms: ms, status }: ListedExchange): AttemptView[] {
  if (provider === "") return [];
  const rest = { error: null, reason: null, skipped: false, until: null };
  return [{ number: 1, provider, model, started: isoTime(at)!, duration_ms: ms, status, ...rest }];
}

async function keyIdsOf(
  { store }: Gateway,
  { key, user }: { readonly key?: string | undefined; readonly user?: string | undefined },
): Promise<string[] | undefined> {
  if (key === undefined && user === undefined) return undefined;
  const keys = await store.keys.list();
  const ids = keys
    .filter(({ id, name }) => key === undefined || id === key || name === key)
    .filter((one) => user === undefined || one.user === user)
    .map(({ id }) => id);
  // A key of the environment, or one of before, is known by its id alone.
  return ids.length === 0 && key !== undefined && user === undefined ? [key] : ids;
}

async function filterOf(
  gateway: Gateway,
  query: z.output<typeof exchangeFilters>,
): Promise<Omit<ExchangeFilter, "limit">> {
  const keyIds = await keyIdsOf(gateway, query);
  const { since, until, status, outcome, provider, model, session, id } = query;
  return {
    ...(keyIds ? { keyIds } : {}),
    ...(since === undefined ? {} : { since: Date.parse(since) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
    ...(status === undefined ? {} : { status }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
    ...(session === undefined ? {} : { sessionId: session }),
    ...(query.error_code === undefined ? {} : { errorCode: query.error_code }),
    ...(query.min_cost_usd === undefined ? {} : { minCost: amountOf(query.min_cost_usd) }),
    ...(query.min_duration_ms === undefined ? {} : { minDurationMs: query.min_duration_ms }),
    ...(id === undefined ? {} : { id }),
  };
}

const minuteMs = 60_000;
const bucketLengths = {
  minute: minuteMs,
  "5m": 5 * minuteMs,
  "30m": 30 * minuteMs,
  hour: 60 * minuteMs,
  "6h": 360 * minuteMs,
  day: 1440 * minuteMs,
  all: null,
} as const;
/** Buckets of one answer. */
const mostBuckets = 2000;

function shownStatistics(row: StatisticsRow, names: ReadonlyMap<string, Key> | undefined): StatisticsRowView {
  return {
    time: isoTime(row.at)!,
    name: names ? (names.get(row.name)?.name ?? row.name) : row.name,
    requests: row.requests,
    errors: row.errors,
    cancelled: row.cancelled,
    input_tokens: row.input_tokens,
    output_tokens: row.output_tokens,
    cache_read_tokens: row.cache_read_tokens,
    cache_write_tokens: row.cache_write_tokens,
    reasoning_tokens: row.reasoning_tokens,
    cost_usd: row.cost_nano_usd / 1e9,
    unpriced: row.unpriced,
    cache_hits: row.cache_hits,
    saved_usd: row.saved_nano_usd / 1e9,
    p50_ms: row.p50,
    p95_ms: row.p95,
    p99_ms: row.p99,
    first_p50_ms: row.firstP50,
    first_p95_ms: row.firstP95,
  };
}

/** Rows read at once for an export: memory stays flat however many there are. */
const exportedAtOnce = 2000;

async function* exported(
  gateway: Gateway,
  query: z.output<typeof exportQuery>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { format, most, ...filters } = query;
  const filter = await filterOf(gateway, filters);
  const keys = await keysById(gateway);
  if (format === "csv") yield csvHeader(Object.keys(exchangeView.shape));
  let before: number | undefined;
  for (let left = most; left > 0 && !signal.aborted;) {
    const limit = Math.min(left, exportedAtOnce);
    const rows = await gateway.store.exchanges.list({ ...filter, ...(before === undefined ? {} : { before }), limit });
    const shown = rows.map((row) => shownExchange(row, keys));
    yield shown.map((one) => (format === "csv" ? csvLine(Object.values(one)) : `${JSON.stringify(one)}\n`)).join("");
    if (rows.length < limit) return;
    before = rows.at(-1)!.position;
    left -= rows.length;
  }
}

export const exchangeEndpoints = [
  endpoint({
    method: "GET",
    path: "/exchanges",
    tag,
    summary: "Requests that have ended, newest first",
    scope: "exchanges:read",
    query: exchangeQuery,
    answer: pageOf(exchangeView),
    async run({ gateway, query }) {
      const { limit, cursor, ...filters } = query;
      const before = numberCursor(cursor);
      const filter = await filterOf(gateway, filters);
      const [found, keys] = await Promise.all([
        gateway.store.exchanges.list({
          ...filter,
          ...(before === undefined ? {} : { before }),
          limit: limit + 1,
        }),
        keysById(gateway),
      ]);
      return pageOfFound(
        found,
        limit,
        ({ position }) => String(position),
        (row) => shownExchange(row, keys),
      );
    },
  }),
  endpoint({
    method: "GET",
    path: "/exchanges/live",
    tag,
    summary: "Requests as they end, as server-sent events: `exchange`, with what `GET /exchanges` shows of each",
    scope: "exchanges:read",
    query: exchangeFilters,
    type: "text/event-stream",
    async run({ gateway, query, request, reply }) {
      const filter = await filterOf(gateway, query);
      await streamLive(gateway, filter, request, reply);
    },
  }),
  endpoint({
    method: "GET",
    path: "/exchanges/export",
    tag,
    summary: "Requests as a file, CSV or one JSON object a line",
    scope: "exchanges:read",
    query: exportQuery,
    type: "text/csv",
    async run({ gateway, query, request, reply }) {
      const gone = new AbortController();
      request.raw.once("close", () => gone.abort());
      const { Readable } = await import("node:stream");
      const extension = query.format === "csv" ? "csv" : "ndjson";
      return reply
        .type(query.format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson")
        .header("content-disposition", `attachment; filename="requests.${extension}"`)
        .send(Readable.from(exported(gateway, query, gone.signal)));
    },
  }),
  endpoint({
    method: "GET",
    path: "/exchanges/{id}",
    tag,
    summary: "One request with its trace: what was tried, what was passed over, and why",
    scope: "exchanges:read",
    params: z.object({ id: z.string().max(128) }),
    answer: exchangeDetail,
    async run({ gateway, actor, params }) {
      const found = await gateway.store.exchanges.get(params.id);
      if (!found) throw notFound(`request '${params.id}'; rows are kept for \`ledger.retention_days\``);
      const { exchange, attempts } = found;
      const mayRead = scopesOf[actor.role].includes("exchanges:content");
      const content = mayRead ? await gateway.store.contents.get(params.id) : undefined;
      return {
        exchange: shownExchange(exchange, await keysById(gateway)),
        attempts: attempts.length > 0 ? attempts.map(shownAttempt) : onlyAttempt(exchange),
        content: content ?? null,
        content_stored: gateway.current.config.ledger.store_content,
      } satisfies z.input<typeof exchangeDetail>;
    },
  }),
  endpoint({
    method: "GET",
    path: "/statistics",
    tag: "Statistics",
    summary: "Sums and percentiles by stretches of time and, where asked for, by a dimension",
    scope: "statistics:read",
    query: statisticsQuery,
    answer: statisticsView,
    async run({ gateway, query }) {
      const until = query.until === undefined ? Date.now() : Date.parse(query.until);
      const since = query.since === undefined ? until - 1440 * minuteMs : Date.parse(query.since);
      const bucketMs = bucketLengths[query.bucket];
      if (until <= since)
        throw new GatewayError("invalid_request", "`until` is not after `since`.", { parameter: "until" });
      if (bucketMs !== null && (until - since) / bucketMs > mostBuckets)
        throw new GatewayError("invalid_request", `That makes more than ${mostBuckets} buckets. Ask for longer ones.`, {
          parameter: "bucket",
        });
      const keyIds = await keyIdsOf(gateway, query);
      const rows = await gateway.store.statistics.read({
        since,
        // Up to now is up to whatever ends while it is read.
        until: query.until === undefined ? until + minuteMs : until,
        bucketMs,
        offsetMs: query.offset_minutes * minuteMs,
        ...(query.by === undefined ? {} : { by: query.by }),
        ...(keyIds ? { keyIds } : {}),
        ...(query.provider === undefined ? {} : { provider: query.provider }),
        ...(query.model === undefined ? {} : { model: query.model }),
      });
      const names = query.by === "key" ? await keysById(gateway) : undefined;
      return {
        since: isoTime(since),
        until: isoTime(until),
        bucket: query.bucket,
        rows: rows.map((row) => shownStatistics(row, names)),
      };
    },
  }),
];
