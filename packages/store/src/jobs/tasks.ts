import type { CallbackState, JsonObject, Task, TaskResult, TaskStatus } from "@trunkline/contracts";
import { sql, type Insertable, type Kysely, type Transaction } from "kysely";
import type { Tables, TaskRow } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";
import { whenFree } from "../when-free.ts";
import { createTaskCallbacks } from "./task-callbacks.ts";

export type TaskFilter = {
  readonly keyId?: string;
  readonly status?: TaskStatus;
  readonly callback?: CallbackState;
  /** Those that were made before this one. */
  readonly after?: string;
  readonly limit: number;
};

/** How a run of a task ended. */
export type TaskEnd =
  | { readonly status: "succeeded" | "failed"; readonly result: TaskResult; readonly errorCode: string | null }
  /** To be tried again. */
  | { readonly status: "queued"; readonly runAt: number; readonly errorCode: string };

export type TaskTable = ReturnType<typeof createTaskTable>;

const over: readonly TaskStatus[] = ["succeeded", "failed", "cancelled"];

/** Tasks: what is asked and answered is encrypted under `secret.key`. */
export function createTaskTable(database: Kysely<Tables>, box: SecretBox, holder: string) {
  const taskOf = (row: TaskRow): Task => ({
    id: row.id,
    keyId: row.key_id,
    endpoint: row.endpoint,
    ...(JSON.parse(box.open(row.content, `task ${row.id}`)) as { body: JsonObject; callbackUrl: string | null }),
    status: row.status as TaskStatus,
    createdAt: Number(row.created_at),
    runAt: Number(row.run_at),
    startedAt: row.started_at === null ? null : Number(row.started_at),
    finishedAt: row.finished_at === null ? null : Number(row.finished_at),
    attempts: Number(row.attempts),
    result: row.result === null ? null : (JSON.parse(box.open(row.result, `result ${row.id}`)) as TaskResult),
    errorCode: row.error_code,
    callbackState: row.callback_state as CallbackState,
    callbackAttempts: Number(row.callback_attempts),
    callbackError: row.callback_error,
    idempotencyKey: row.idempotency_key,
    fingerprint: row.fingerprint,
    batchId: row.batch_id,
    customId: row.custom_id,
    scheduleId: row.schedule_id,
  });

  const rowOf = (task: Task): Insertable<TaskRow> => ({
    id: task.id,
    key_id: task.keyId,
    endpoint: task.endpoint,
    content: box.seal(JSON.stringify({ body: task.body, callbackUrl: task.callbackUrl }), `task ${task.id}`),
    status: task.status,
    // Batches stand behind what somebody waits for.
    rank: task.batchId === null ? 0 : 1,
    created_at: task.createdAt,
    run_at: task.runAt,
    started_at: null,
    finished_at: null,
    attempts: 0,
    leased_until: 0,
    holder: null,
    result: null,
    error_code: null,
    callback_state: task.callbackState,
    callback_attempts: 0,
    callback_at: 0,
    callback_error: null,
    idempotency_key: task.idempotencyKey,
    fingerprint: task.fingerprint,
    batch_id: task.batchId,
    custom_id: task.customId,
    schedule_id: task.scheduleId,
  });

  /** Of a task that has ended: its callback, if there is one, may be delivered from now on. */
  const callbackDue = (now: number) => ({ callback_at: now });

  return {
    ...createTaskCallbacks(database, taskOf),
    /** Rows for a transaction of somebody else's. */
    rowOf,
    /** Those that are there already stay as they are. */
    async insert(tasks: readonly Task[], within: Kysely<Tables> | Transaction<Tables> = database): Promise<number> {
      if (tasks.length === 0) return 0;
      const rows = tasks.map(rowOf);
      const insert = within
        .insertInto("tasks")
        .values(rows)
        .onConflict((conflict) => conflict.doNothing());
      const { numInsertedOrUpdatedRows } = await whenFree(() => insert.executeTakeFirst());
      return Number(numInsertedOrUpdatedRows ?? 0);
    },
    async find(id: string, keyId?: string): Promise<Task | undefined> {
      let query = database.selectFrom("tasks").selectAll().where("id", "=", id);
      if (keyId !== undefined) query = query.where("key_id", "=", keyId);
      const row = await query.executeTakeFirst();
      return row && taskOf(row);
    },
    /** How many there are, by status. */
    async counts(): Promise<Readonly<Record<string, number>>> {
      const rows = await database
        .selectFrom("tasks")
        .select(["status", sql<number>`count(*)`.as("count")])
        .groupBy("status")
        .execute();
      return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
    },
    async findByIdempotencyKey(keyId: string, idempotencyKey: string): Promise<Task | undefined> {
      const row = await database
        .selectFrom("tasks")
        .selectAll()
        .where("key_id", "=", keyId)
        .where("idempotency_key", "=", idempotencyKey)
        .executeTakeFirst();
      return row && taskOf(row);
    },
    /** Of a key's own, besides its batches. */
    async countWaiting(keyId: string): Promise<number> {
      const row = await database
        .selectFrom("tasks")
        .select(({ fn }) => fn.countAll().as("count"))
        .where("key_id", "=", keyId)
        .where("status", "in", ["queued", "held"])
        .where("batch_id", "is", null)
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },
    /** Newest first. */
    async list({ keyId, status, callback, after, limit }: TaskFilter): Promise<Task[]> {
      let query = database.selectFrom("tasks").selectAll().where("batch_id", "is", null);
      if (keyId !== undefined) query = query.where("key_id", "=", keyId);
      if (status !== undefined) query = query.where("status", "=", status);
      if (callback !== undefined) query = query.where("callback_state", "=", callback);
      if (after !== undefined)
        query = query.where(sql<boolean>`(created_at, id) < (select created_at, id from tasks where id = ${after})`);
      const rows = await query.orderBy("created_at", "desc").orderBy("id", "desc").limit(limit).execute();
      return rows.map(taskOf);
    },
    /** Takes tasks that are due, and those whose process has not been heard of since its lease ended. */
    async claim(now: number, until: number, count: number): Promise<Task[]> {
      const isDue = sql<boolean>`((status = 'queued' and run_at <= ${now}) or (status = 'running' and leased_until < ${now}))`;
      const due = database
        .selectFrom("tasks")
        .select("id")
        .where(isDue)
        .orderBy("rank")
        .orderBy("run_at")
        .orderBy("id")
        .limit(count);
      const take = database
        .updateTable("tasks")
        .set({
          status: "running",
          leased_until: until,
          holder,
          attempts: sql`attempts + 1`,
          started_at: sql`coalesce(started_at, ${now})`,
        })
        .where("id", "in", due)
        // Another process may have taken it between the look and the taking.
        .where(isDue)
        .returningAll();
      return (await whenFree(() => take.execute())).map(taskOf);
    },
    /** Of these, those that are still this process's. */
    async renew(ids: readonly string[], until: number): Promise<Set<string>> {
      if (ids.length === 0) return new Set();
      const update = database
        .updateTable("tasks")
        .set({ leased_until: until })
        .where("id", "in", [...ids])
        .where("holder", "=", holder)
        .where("status", "=", "running")
        .returning("id");
      return new Set((await whenFree(() => update.execute())).map(({ id }) => id));
    },
    /** Given back by a process that ends: begun anew by another, as if it had not been begun. */
    async release(ids: readonly string[]): Promise<void> {
      if (ids.length === 0) return;
      const update = database
        .updateTable("tasks")
        .set({ status: "queued", leased_until: 0, holder: null, attempts: sql`attempts - 1` })
        .where("id", "in", [...ids])
        .where("holder", "=", holder)
        .where("status", "=", "running");
      await whenFree(() => update.execute());
    },
    /** False when the task was cancelled, or taken over by another process. */
    async finish(id: string, end: TaskEnd, now: number): Promise<boolean> {
      const update = database
        .updateTable("tasks")
        .set(
          end.status === "queued"
            ? { status: "queued", run_at: end.runAt, error_code: end.errorCode, leased_until: 0, holder: null }
            : {
                status: end.status,
                finished_at: now,
                result: box.seal(JSON.stringify(end.result), `result ${id}`),
                error_code: end.errorCode,
                ...callbackDue(now),
              },
        )
        .where("id", "=", id)
        .where("holder", "=", holder)
        .where("status", "=", "running");
      return Number((await whenFree(() => update.executeTakeFirst())).numUpdatedRows) > 0;
    },
    /** False when it has ended already. */
    async cancel(id: string, now: number): Promise<boolean> {
      const update = database
        .updateTable("tasks")
        .set({ status: "cancelled", finished_at: now, ...callbackDue(now) })
        .where("id", "=", id)
        .where("status", "in", ["held", "queued", "running"]);
      return Number((await whenFree(() => update.executeTakeFirst())).numUpdatedRows) > 0;
    },
    async cancelBatch(batchId: string, now: number): Promise<void> {
      const update = database
        .updateTable("tasks")
        .set({ status: "cancelled", finished_at: now })
        .where("batch_id", "=", batchId)
        .where("status", "in", ["queued", "running"]);
      await whenFree(() => update.execute());
    },
    async countBatch(batchId: string): Promise<Partial<Record<TaskStatus, number>>> {
      const rows = await database
        .selectFrom("tasks")
        .select(["status", ({ fn }) => fn.countAll().as("count")])
        .where("batch_id", "=", batchId)
        .groupBy("status")
        .execute();
      return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
    },
    /** In the order of the batch's lines. */
    async batchPage(batchId: string, after: string, limit: number): Promise<Task[]> {
      const rows = await database
        .selectFrom("tasks")
        .selectAll()
        .where("batch_id", "=", batchId)
        .where("id", ">", after)
        .orderBy("id")
        .limit(limit)
        .execute();
      return rows.map(taskOf);
    },
    /** Tasks of a schedule that have not ended, oldest first. */
    async openOfSchedule(scheduleId: string): Promise<{ id: string; status: TaskStatus }[]> {
      const rows = await database
        .selectFrom("tasks")
        .select(["id", "status"])
        .where("schedule_id", "=", scheduleId)
        .where("status", "not in", [...over])
        .orderBy("created_at")
        .orderBy("id")
        .execute();
      return rows.map(({ id, status }) => ({ id, status: status as TaskStatus }));
    },
    /** Lets the oldest held task of each schedule go where none of that schedule is on its way. */
    async releaseHeld(now: number): Promise<number> {
      const update = sql`
        update tasks set status = 'queued', run_at = ${now}
        where status = 'held'
          and not exists (
            select 1 from tasks other where other.schedule_id = tasks.schedule_id and other.status in ('queued', 'running'))
          and id = (
            select first.id from tasks first where first.schedule_id = tasks.schedule_id and first.status = 'held'
            order by first.created_at, first.id limit 1)
      `;
      const { numAffectedRows } = await whenFree(() => update.execute(database));
      return Number(numAffectedRows ?? 0);
    },
    /** Forgets those that ended before a time and whose callback is not on its way. */
    async prune(before: number): Promise<void> {
      const remove = database
        .deleteFrom("tasks")
        .where("finished_at", "<", before)
        .where("callback_state", "!=", "pending");
      await whenFree(() => remove.execute());
    },
  };
}
