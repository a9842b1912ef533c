import { pageOf, pageQuery, runView, scheduleChange, scheduleView, taskView } from "@trunkline/admin/api";
import { GatewayError, taskStatuses, type Key, type Schedule } from "@trunkline/contracts";
import { nextRun } from "@trunkline/jobs";
import { isOlder } from "@trunkline/store";
import { z } from "zod";
import { isoTime } from "../../iso-time.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { pageOfAll, pageOfFound, timeCursor } from "../page.ts";
import { keysById } from "../shown-exchange.ts";

const tag = "Jobs";
const byId = z.object({ id: z.string().max(128) });
const time = (at: number) => isoTime(Number(at))!;
const timeOrNull = (at: number | null) => (at === null ? null : isoTime(Number(at)));
const nameOf = (keys: ReadonlyMap<string, Key>, id: string) => keys.get(id)?.name ?? "";
function shownSchedule(schedule: Schedule, keys: ReadonlyMap<string, Key>) {
  return {
    id: schedule.id,
    key_id: schedule.keyId,
    key_name: nameOf(keys, schedule.keyId),
    name: schedule.name,
    cron: schedule.cron,
    time_zone: schedule.timeZone,
    endpoint: schedule.endpoint,
    missed: schedule.missed,
    overlap: schedule.overlap,
    paused: schedule.isPaused,
    next: isoTime(schedule.nextAt),
  };
}

export const jobEndpoints = [
  endpoint({
    method: "GET",
    path: "/tasks",
    tag,
    summary: "Work in the background, newest first, without what is asked and answered",
    scope: "jobs:read",
    query: z.strictObject({
      ...pageQuery.shape,
      status: z.enum(taskStatuses).optional(),
      key: z.string().max(128).optional().describe("A key's id."),
    }),
    answer: pageOf(taskView),
    async run({ gateway, query }) {
      const after = timeCursor(query.cursor);
      let select = gateway.store.reader
        .selectFrom("tasks")
        .select(["id", "key_id", "endpoint", "status", "created_at", "run_at", "started_at", "finished_at"])
        .select(["attempts", "error_code", "callback_state", "callback_error", "batch_id", "schedule_id"]);
      if (query.status !== undefined) select = select.where("status", "=", query.status);
      if (query.key !== undefined) select = select.where("key_id", "=", query.key);
      if (after) select = select.where(isOlder("created_at", after));
      const [found, keys] = await Promise.all([
        select
          .orderBy("created_at", "desc")
          .orderBy("id", "desc")
          .limit(query.limit + 1)
          .execute(),
        keysById(gateway),
      ]);
      return pageOfFound(
        found,
        query.limit,
        (row) => `${Number(row.created_at)} ${row.id}`,
        (row) => ({
          id: row.id,
          key_id: row.key_id,
          key_name: nameOf(keys, row.key_id),
          endpoint: row.endpoint,
          status: row.status,
          created: time(row.created_at),
          run_at: timeOrNull(row.run_at),
          started: timeOrNull(row.started_at),
          finished: timeOrNull(row.finished_at),
          attempts: Number(row.attempts),
          error_code: row.error_code,
          callback_state: row.callback_state,
          callback_error: row.callback_error,
          batch_id: row.batch_id,
          schedule_id: row.schedule_id,
        }),
      );
    },
  }),
  endpoint({
    method: "POST",
    path: "/tasks/{id}/cancel",
    tag,
    summary: "Cancel a task",
    scope: "jobs:write",
    params: byId,
    status: 204,
    async run({ gateway, params, audited }) {
      if (!(await gateway.store.tasks.find(params.id))) throw notFound("such task");
      if (!(await gateway.store.tasks.cancel(params.id, Date.now())))
        throw new GatewayError("conflict", "The task has ended already; what came of it stays.");
      gateway.jobs?.abort(params.id);
      gateway.jobs?.wake();
      await audited("task.cancel", params.id, async () => ({ result: undefined }));
    },
  }),
  endpoint({
    method: "GET",
    path: "/schedules",
    tag,
    summary: "Schedules of every key",
    scope: "jobs:read",
    query: pageQuery,
    answer: pageOf(scheduleView),
    async run({ gateway, query }) {
      const [all, keys] = await Promise.all([gateway.store.schedules.list(), keysById(gateway)]);
      return pageOfAll(
        all.map((schedule) => shownSchedule(schedule, keys)),
        query,
        ({ id }) => id,
      );
    },
  }),
  endpoint({
    method: "GET",
    path: "/schedules/{id}",
    tag,
    summary: "One schedule",
    scope: "jobs:read",
    params: byId,
    answer: scheduleView,
    async run({ gateway, params }) {
      const schedule = await gateway.store.schedules.find(params.id);
      if (!schedule) throw notFound("such schedule");
      return shownSchedule(schedule, await keysById(gateway));
    },
  }),
  endpoint({
    method: "PATCH",
    path: "/schedules/{id}",
    tag,
    summary: "Pause a schedule, or have it go on",
    scope: "jobs:write",
    params: byId,
    body: scheduleChange,
    answer: scheduleView,
    needsMatch: true,
    async run({ gateway, params, body, audited, match }) {
      const schedule = await gateway.store.schedules.find(params.id);
      if (!schedule) throw notFound("such schedule");
      const keys = await keysById(gateway);
      const before = shownSchedule(schedule, keys);
      match(before);
      const nextAt = body.paused ? null : nextRun(schedule.cron, schedule.timeZone, Date.now());
      const next = { ...schedule, isPaused: body.paused, nextAt };
      await gateway.store.schedules.update(next);
      gateway.jobs?.wake();
      const after = shownSchedule(next, keys);
      await audited("schedule.change", params.id, async () => ({ result: undefined, before, after }));
      return after;
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/schedules/{id}",
    tag,
    summary: "Remove a schedule",
    scope: "jobs:write",
    params: byId,
    status: 204,
    needsMatch: true,
    async run({ gateway, params, audited, match }) {
      const schedule = await gateway.store.schedules.find(params.id);
      if (!schedule) throw notFound("such schedule");
      match(shownSchedule(schedule, await keysById(gateway)));
      await gateway.store.schedules.remove(params.id);
      await audited("schedule.delete", params.id, async () => ({
        result: undefined,
        before: { name: schedule.name, cron: schedule.cron },
      }));
    },
  }),
  endpoint({
    method: "GET",
    path: "/schedules/{id}/runs",
    tag,
    summary: "What became of the last times a schedule was due",
    scope: "jobs:read",
    params: byId,
    query: pageQuery,
    answer: pageOf(runView),
    async run({ gateway, params, query }) {
      const runs = await gateway.store.schedules.runs(params.id, 1000);
      const shown = runs.map((run) => ({
        id: run.id,
        due: isoTime(run.dueAt),
        decided: isoTime(run.decidedAt),
        outcome: run.outcome,
        task_id: run.taskId,
      }));
      return pageOfAll(shown, query, ({ id }) => id);
    },
  }),
];
