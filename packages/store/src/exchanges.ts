import { setTimeout as wait } from "node:timers/promises";
import { sql, type Kysely, type RawBuilder } from "kysely";
import type { AttemptRow, ExchangeRow, Tables } from "./schema.ts";
import { whenFree } from "./when-free.ts";

/** Which finished exchanges are wanted; absent members want any. */
export type ExchangeFilter = {
  readonly keyId?: string;
  /** Of any of these keys. */
  readonly keyIds?: readonly string[];
  /** Beginning of its id, or all of it. */
  readonly id?: string;
  readonly sessionId?: string;
  /** Nano-USD, inclusive. */
  readonly minCost?: number;
  /** Milliseconds, inclusive. */
  readonly minDurationMs?: number;
  readonly provider?: string;
  /** The name the client asked for, or the provider's. */
  readonly model?: string;
  readonly status?: number;
  readonly outcome?: string;
  readonly errorCode?: string;
  /** Milliseconds since the epoch, inclusive. */
  readonly since?: number;
  /** Milliseconds since the epoch, exclusive. */
  readonly until?: number;
  /** Only those before the exchange at this position. */
  readonly before?: number;
  /** Only those after it. */
  readonly after?: number;
  readonly limit: number;
};

/** An exchange and its place in the order they ended in. */
export type ListedExchange = ExchangeRow & { readonly position: number };

export type ListedAttempt = AttemptRow;

export type UsedRow = {
  /** Beginning of the stretch, in milliseconds since the epoch. */
  readonly slot: number;
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  readonly nanoUsd: number;
};

export type ExchangeTable = {
  /** The newest that pass the filter, newest first. */
  list(filter: ExchangeFilter): Promise<ListedExchange[]>;
  get(id: string): Promise<{ exchange: ListedExchange; attempts: ListedAttempt[] } | undefined>;
  /** The position of the newest; 0 when there is none. */
  newest(): Promise<number>;
  /** What was used since a time, by stretches of `slotMs` (one when null) and by target. */
  usedSince(question: {
    readonly since: number;
    readonly slotMs: number | null;
    readonly keyIds?: readonly string[];
    readonly provider?: string;
  }): Promise<UsedRow[]>;
  /** Deletes what began before a time, in small batches so that live traffic never waits long. Returns the number deleted. */
  prune(before: number, signal: AbortSignal): Promise<number>;
};

const numberOrNull = (value: number | null) => (value === null ? null : Number(value));

/** Rows a statement deletes at most, and how many times as long as that took requests then have the process to themselves. */
const prunedAtOnce = 100;
const restAfter = 4;

/**
 * Finished exchanges, in the order they were written. SQLite's filters go through the rows without an index on purpose: a million are
 * through in less than a tenth of a second, and each index would cost every request a good microsecond.
 */
export function createExchangeTable(
  database: Kysely<Tables>,
  reader: Kysely<Tables>,
  isPostgres: boolean,
): ExchangeTable {
  const position: RawBuilder<number> = isPostgres ? sql<number>`position` : sql<number>`rowid`;

  // PostgreSQL gives 64-bit numbers as text.
  const listed = (row: ExchangeRow & { position: number }): ListedExchange =>
    isPostgres
      ? {
          ...row,
          position: Number(row.position),
          started_at: Number(row.started_at),
          input_tokens: numberOrNull(row.input_tokens),
          output_tokens: numberOrNull(row.output_tokens),
          cache_read_tokens: numberOrNull(row.cache_read_tokens),
          cache_write_5m_tokens: numberOrNull(row.cache_write_5m_tokens),
          cache_write_1h_tokens: numberOrNull(row.cache_write_1h_tokens),
          reasoning_tokens: numberOrNull(row.reasoning_tokens),
          cost_nano_usd: numberOrNull(row.cost_nano_usd),
          saved_nano_usd: numberOrNull(row.saved_nano_usd),
        }
      : row;

  return {
    async get(id) {
      const row = await database
        .selectFrom("exchanges")
        .selectAll()
        .select(position.as("position"))
        .where("id", "=", id)
        .executeTakeFirst();
      if (!row) return undefined;
      const attempts = await database
        .selectFrom("attempts")
        .selectAll()
        .where("exchange_id", "=", id)
        .orderBy("number")
        .execute();
      return {
        exchange: listed(row),
        attempts: attempts.map((attempt) => ({
          ...attempt,
          started_at: Number(attempt.started_at),
          until: numberOrNull(attempt.until),
        })),
      };
    },
    async newest() {
      const row = await database
        .selectFrom("exchanges")
        .select(position.as("position"))
        .orderBy(position, "desc")
        .limit(1)
        .executeTakeFirst();
      return Number(row?.position ?? 0);
    },
    async list(filter) {
      let query = reader.selectFrom("exchanges").selectAll().select(position.as("position"));
      if (filter.keyId !== undefined) query = query.where("key_id", "=", filter.keyId);
      if (filter.keyIds !== undefined)
        query =
          filter.keyIds.length > 0 ? query.where("key_id", "in", [...filter.keyIds]) : query.where(sql<boolean>`1 = 0`);
      if (filter.id !== undefined)
        query = query.where(sql`substr(id, 1, ${sql.raw(String(filter.id.length))})`, "=", filter.id);
      if (filter.sessionId !== undefined) query = query.where("session_id", "=", filter.sessionId);
      if (filter.minCost !== undefined) query = query.where("cost_nano_usd", ">=", filter.minCost);
      if (filter.minDurationMs !== undefined) query = query.where("duration_ms", ">=", filter.minDurationMs);
      if (filter.until !== undefined) query = query.where("started_at", "<", filter.until);
      if (filter.provider !== undefined) query = query.where("provider", "=", filter.provider);
      const { model } = filter;
      if (model !== undefined)
        query = query.where((where) => where.or([where("model", "=", model), where("requested_model", "=", model)]));
      if (filter.status !== undefined) query = query.where("status", "=", filter.status);
      if (filter.outcome !== undefined) query = query.where("outcome", "=", filter.outcome);
      if (filter.errorCode !== undefined) query = query.where("error_code", "=", filter.errorCode);
      if (filter.since !== undefined) query = query.where("started_at", ">=", filter.since);
      if (filter.after !== undefined) query = query.where(position, ">", filter.after);
      if (filter.before !== undefined) query = query.where(position, "<", filter.before);
      const rows = await query.orderBy(position, "desc").limit(filter.limit).execute();
      return rows.map(listed);
    },

    async usedSince({ since, slotMs, keyIds, provider }) {
      const slot =
        slotMs === null
          ? sql<number>`cast(${since} as bigint)`
          : sql<number>`started_at / cast(${slotMs} as bigint) * cast(${slotMs} as bigint)`;
      let query = database
        .selectFrom("exchanges")
        .select(["provider", "model", slot.as("slot"), sql<number>`count(*)`.as("requests")])
        .select(sql<number>`coalesce(sum(cost_nano_usd), 0)`.as("nano_usd"))
        .where("started_at", ">=", since)
        .groupBy(["provider", "model", slot]);
      if (keyIds) query = query.where("key_id", "in", keyIds.length > 0 ? [...keyIds] : [""]);
      if (provider !== undefined) query = query.where("provider", "=", provider);
      const rows = await query.execute();
      return rows.map((row) => ({
        slot: Number(row.slot),
        provider: row.provider,
        model: row.model,
        requests: Number(row.requests),
        nanoUsd: Number(row.nano_usd),
      }));
    },

    async prune(before, signal) {
      let deleted = 0;
      while (!signal.aborted) {
        const from = performance.now();
        const oldest = await database
          .selectFrom("exchanges")
          .select(["id", "started_at", position.as("position")])
          .orderBy(position)
          .limit(prunedAtOnce)
          .execute();
        // They stand in the order they ended in: behind the first batch with nothing to delete there is nothing either.
        const old = oldest.filter((row) => Number(row.started_at) < before);
        if (old.length === 0) break;
        const attempts = database.deleteFrom("attempts").where(
          "exchange_id",
          "in",
          old.map(({ id }) => id),
        );
        const rows = database.deleteFrom("exchanges").where(
          position,
          "in",
          old.map((row) => Number(row.position)),
        );
        await whenFree(() => attempts.execute());
        await whenFree(() => rows.execute());
        deleted += old.length;
        if (old.length < oldest.length) break;
        await wait((performance.now() - from) * restAfter);
      }
      return deleted;
    },
  };
}
