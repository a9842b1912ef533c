import type { Batch, BatchStatus, JsonObject } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import { isOlder } from "../is-older.ts";
import type { BatchRow, Tables } from "../schema.ts";
import { whenFree } from "../when-free.ts";

export type BatchTable = ReturnType<typeof createBatchTable>;

export type BatchChange = Partial<Pick<Batch, "outputFileId" | "errorFileId" | "total" | "errors">>;

const batchOf = (row: BatchRow): Batch => ({
  id: row.id,
  keyId: row.key_id,
  endpoint: row.endpoint,
  status: row.status as BatchStatus,
  inputFileId: row.input_file_id,
  outputFileId: row.output_file_id,
  errorFileId: row.error_file_id,
  completionWindow: row.completion_window,
  metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as JsonObject),
  total: Number(row.total),
  errors: JSON.parse(row.errors) as Batch["errors"],
  createdAt: Number(row.created_at),
  expiresAt: Number(row.expires_at),
  reachedAt: JSON.parse(row.reached_at) as Batch["reachedAt"],
});

/** Batches of requests; the requests themselves are tasks. */
export function createBatchTable(database: Kysely<Tables>, holder: string) {
  return {
    async insert(batch: Batch): Promise<void> {
      const insert = database.insertInto("batches").values({
        id: batch.id,
        key_id: batch.keyId,
        endpoint: batch.endpoint,
        status: batch.status,
        input_file_id: batch.inputFileId,
        output_file_id: null,
        error_file_id: null,
        completion_window: batch.completionWindow,
        metadata: batch.metadata === null ? null : JSON.stringify(batch.metadata),
        total: batch.total,
        errors: JSON.stringify(batch.errors),
        created_at: batch.createdAt,
        expires_at: batch.expiresAt,
        reached_at: JSON.stringify(batch.reachedAt),
        leased_until: 0,
        holder: null,
      });
      await whenFree(() => insert.execute());
    },
    async find(id: string, keyId?: string): Promise<Batch | undefined> {
      let query = database.selectFrom("batches").selectAll().where("id", "=", id);
      if (keyId !== undefined) query = query.where("key_id", "=", keyId);
      const row = await query.executeTakeFirst();
      return row && batchOf(row);
    },
    /** Newest first. */
    async list(keyId: string, after: string | undefined, limit: number): Promise<Batch[]> {
      let query = database.selectFrom("batches").selectAll().where("key_id", "=", keyId);
      if (after !== undefined) {
        const last = await database
          .selectFrom("batches")
          .select("created_at")
          .where("id", "=", after)
          .executeTakeFirst();
        const at = Number(last?.created_at ?? 0);
        query = query.where(isOlder("created_at", { at, id: after }));
      }
      const rows = await query.orderBy("created_at", "desc").orderBy("id", "desc").limit(limit).execute();
      return rows.map(batchOf);
    },
    /** Takes batches somebody has to look after: one process each, until a time. */
    async claim(now: number, until: number): Promise<Batch[]> {
      const take = database
        .updateTable("batches")
        .set({ leased_until: until, holder })
        .where("status", "in", ["validating", "in_progress", "finalizing", "cancelling"])
        .where((where) => where.or([where("leased_until", "<", now), where("holder", "=", holder)]))
        .returningAll();
      return (await whenFree(() => take.execute())).map(batchOf);
    },
    /** From one of some statuses to another; false when it is in none of them any more. */
    async move(batch: Batch, to: BatchStatus, at: number, change: BatchChange = {}): Promise<boolean> {
      const update = database
        .updateTable("batches")
        .set({
          status: to,
          reached_at: JSON.stringify({ ...batch.reachedAt, [to]: at }),
          ...(change.outputFileId === undefined ? {} : { output_file_id: change.outputFileId }),
          ...(change.errorFileId === undefined ? {} : { error_file_id: change.errorFileId }),
          ...(change.total === undefined ? {} : { total: change.total }),
          ...(change.errors === undefined ? {} : { errors: JSON.stringify(change.errors) }),
        })
        .where("id", "=", batch.id)
        .where("status", "=", batch.status);
      return Number((await whenFree(() => update.executeTakeFirst())).numUpdatedRows) > 0;
    },
  };
}
