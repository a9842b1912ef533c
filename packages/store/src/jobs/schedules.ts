import type { JsonObject, MissedPolicy, OverlapPolicy, Schedule, ScheduleRun, Task } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { ScheduleRow, Tables } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";
import { whenFree } from "../when-free.ts";
import type { TaskTable } from "./tasks.ts";

export type ScheduleTable = ReturnType<typeof createScheduleTable>;

/** What was decided about a schedule that was due. */
export type Decision = {
  readonly runs: readonly ScheduleRun[];
  readonly tasks: readonly Task[];
  /** Tasks that give way to a newer run. */
  readonly cancel: readonly string[];
  readonly nextAt: number | null;
};

/** Schedules, and what became of each time they were due. What is asked is encrypted under `secret.key`. */
export function createScheduleTable(database: Kysely<Tables>, box: SecretBox, tasks: TaskTable) {
  const scheduleOf = (row: ScheduleRow): Schedule => ({
    id: row.id,
    keyId: row.key_id,
    name: row.name,
    cron: row.cron,
    timeZone: row.time_zone,
    ...(JSON.parse(box.open(row.content, `schedule ${row.id}`)) as {
      endpoint: string;
      body: JsonObject;
      callbackUrl: string | null;
    }),
    missed: row.missed as MissedPolicy,
    overlap: row.overlap as OverlapPolicy,
    isPaused: row.paused === 1,
    createdAt: Number(row.created_at),
    nextAt: row.next_at === null ? null : Number(row.next_at),
  });

  const rowOf = (schedule: Schedule) => ({
    id: schedule.id,
    key_id: schedule.keyId,
    name: schedule.name,
    cron: schedule.cron,
    time_zone: schedule.timeZone,
    content: box.seal(
      JSON.stringify({ endpoint: schedule.endpoint, body: schedule.body, callbackUrl: schedule.callbackUrl }),
      `schedule ${schedule.id}`,
    ),
    missed: schedule.missed,
    overlap: schedule.overlap,
    paused: schedule.isPaused ? 1 : 0,
    created_at: schedule.createdAt,
    next_at: schedule.nextAt,
  });

  return {
    async insert(schedule: Schedule): Promise<void> {
      const insert = database.insertInto("schedules").values(rowOf(schedule));
      await whenFree(() => insert.execute());
    },
    async update(schedule: Schedule): Promise<void> {
      const update = database.updateTable("schedules").set(rowOf(schedule)).where("id", "=", schedule.id);
      await whenFree(() => update.execute());
    },
    /** Of any key when none is named. */
    async find(id: string, keyId?: string): Promise<Schedule | undefined> {
      let query = database.selectFrom("schedules").selectAll().where("id", "=", id);
      if (keyId !== undefined) query = query.where("key_id", "=", keyId);
      const row = await query.executeTakeFirst();
      return row && scheduleOf(row);
    },
    async list(keyId?: string): Promise<Schedule[]> {
      let query = database.selectFrom("schedules").selectAll();
      if (keyId !== undefined) query = query.where("key_id", "=", keyId);
      const rows = await query.orderBy("created_at").orderBy("id").limit(1000).execute();
      return rows.map(scheduleOf);
    },
    async remove(id: string): Promise<void> {
      await whenFree(() => database.deleteFrom("schedules").where("id", "=", id).execute());
      await whenFree(() => database.deleteFrom("schedule_runs").where("schedule_id", "=", id).execute());
    },
    async due(now: number, limit: number): Promise<Schedule[]> {
      const rows = await database
        .selectFrom("schedules")
        .selectAll()
        .where("paused", "=", 0)
        .where("next_at", "<=", now)
        .orderBy("next_at")
        .limit(limit)
        .execute();
      return rows.map(scheduleOf);
    },
    /** All of a decision or nothing; false when another process has decided, or the schedule was changed meanwhile. */
    async decide(schedule: Schedule, { runs, tasks: made, cancel, nextAt }: Decision, now: number): Promise<boolean> {
      return whenFree(() =>
        database.transaction().execute(async (transaction) => {
          const { numUpdatedRows } = await transaction
            .updateTable("schedules")
            .set({ next_at: nextAt })
            .where("id", "=", schedule.id)
            .where("next_at", "=", schedule.nextAt)
            .where("paused", "=", 0)
            .executeTakeFirst();
          if (Number(numUpdatedRows) === 0) return false;
          if (cancel.length > 0)
            await transaction
              .updateTable("tasks")
              .set({ status: "cancelled", finished_at: now, callback_at: now })
              .where("id", "in", [...cancel])
              .where("status", "in", ["held", "queued", "running"])
              .execute();
          if (made.length > 0)
            await transaction
              .insertInto("tasks")
              .values(made.map(tasks.rowOf))
              .onConflict((conflict) => conflict.doNothing())
              .execute();
          if (runs.length > 0)
            await transaction
              .insertInto("schedule_runs")
              .values(
                runs.map((run) => ({
                  id: run.id,
                  schedule_id: run.scheduleId,
                  due_at: run.dueAt,
                  decided_at: run.decidedAt,
                  outcome: run.outcome,
                  task_id: run.taskId,
                })),
              )
              .execute();
          return true;
        }),
      );
    },
    /** Newest first. */
    async runs(scheduleId: string, limit: number): Promise<ScheduleRun[]> {
      const rows = await database
        .selectFrom("schedule_runs")
        .selectAll()
        .where("schedule_id", "=", scheduleId)
        .orderBy("due_at", "desc")
        .orderBy("id", "desc")
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        id: row.id,
        scheduleId: row.schedule_id,
        dueAt: Number(row.due_at),
        decidedAt: Number(row.decided_at),
        outcome: row.outcome as ScheduleRun["outcome"],
        taskId: row.task_id,
      }));
    },
    async prune(before: number): Promise<void> {
      await whenFree(() => database.deleteFrom("schedule_runs").where("decided_at", "<", before).execute());
    },
  };
}
