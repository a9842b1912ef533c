import { createWorkerToken } from "@trunkline/admin";
import {
  madeWorkerToken,
  newWorkerToken,
  pageOf,
  pageQuery,
  runView,
  scheduleChange,
  scheduleView,
  serviceView,
  sessionView,
  taskView,
  workerTokenView,
  workerView,
} from "@trunkline/admin/api";
import { GatewayError, taskStatuses, type Key, type Schedule, type WorkerToken } from "@trunkline/contracts";
import { nextRun } from "@trunkline/jobs";
import { z } from "zod";
import { shownService } from "../../health.ts";
import { isoTime } from "../../iso-time.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { badCursor, pageOfAll, pageOfFound } from "../page.ts";
import { keysById } from "../shown-exchange.ts";

const byId = z.object({ id: z.string().max(128) });
const time = (at: number) => isoTime(Number(at))!;
const timeOrNull = (at: number | null) => (at === null ? null : isoTime(Number(at)));
const nameOf = (keys: ReadonlyMap<string, Key>, id: string) => keys.get(id)?.name ?? "";

function shownToken({ id, worker, prefix, createdAt, revokedAt }: WorkerToken) {
  return { id, worker, prefix, created: isoTime(createdAt), revoked: isoTime(revokedAt) };
}

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

/** `time id`, as a list that is in the order of both goes on. */
function timeCursor(cursor: string | undefined): { at: number; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [at = "", id = ""] = cursor.split(" ");
  if (!/^\d{1,16}$/.test(at) || id === "") throw badCursor();
  return { at: Number(at), id };
}

export const workEndpoints = [
  endpoint({
    method: "GET",
    path: "/sessions",
    tag: "Sessions",
    summary: "Conversations bound to a vendor's program, used last first",
    scope: "sessions:read",
    query: pageQuery,
    answer: pageOf(sessionView),
    async run({ gateway, query }) {
      const after = timeCursor(query.cursor);
      let select = gateway.store.reader
        .selectFrom("sessions")
        .select(["id", "key_id", "provider", "account", "turns", "created_at", "used_at", "locked_until"]);
      if (after)
        select = select.where((where) =>
          where.or([
            where("used_at", "<", after.at),
            where.and([where("used_at", "=", after.at), where("id", "<", after.id)]),
          ]),
        );
      const [found, keys] = await Promise.all([
        select
          .orderBy("used_at", "desc")
          .orderBy("id", "desc")
          .limit(query.limit + 1)
          .execute(),
        keysById(gateway),
      ]);
      return pageOfFound(
        found,
        query.limit,
        (row) => `${Number(row.used_at)} ${row.id}`,
        (row) => ({
          id: row.id,
          key_id: row.key_id,
          key_name: nameOf(keys, row.key_id),
          provider: row.provider,
          account: row.account,
          turns: Number(row.turns),
          created: time(row.created_at),
          used: time(row.used_at),
          running: Number(row.locked_until) > Date.now(),
        }),
      );
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/sessions/{id}",
    tag: "Sessions",
    summary: "Forget a conversation; its next turn begins a new one or is refused",
    scope: "sessions:write",
    params: byId,
    status: 204,
    async run({ gateway, params, audited }) {
      const row = await gateway.store.database
        .selectFrom("sessions")
        .select(["id", "locked_until"])
        .where("id", "=", params.id)
        .executeTakeFirst();
      if (!row) throw notFound("such session");
      if (Number(row.locked_until) > Date.now())
        throw new GatewayError("conflict", "A turn of it is running. Wait until it has ended.");
      await audited("session.forget", params.id, async () => ({ result: undefined }));
      await gateway.store.sessions.remove(params.id);
    },
  }),
  endpoint({
    method: "GET",
    path: "/workers",
    tag: "Workers",
    summary: "Workers that are connected to this process",
    scope: "workers:read",
    query: pageQuery,
    answer: pageOf(workerView),
    async run({ gateway, query }) {
      const report = gateway.workers.loaded?.report() ?? [];
      const shown = report.map(({ isConnected, since, ...rest }, index) => ({
        ...rest,
        connected: isConnected,
        since: isoTime(since),
        index: String(index),
      }));
      const { items, next } = pageOfAll(shown, query, ({ index }) => index);
      return { items: items.map(({ index: _index, ...rest }) => rest), next };
    },
  }),
  endpoint({
    method: "GET",
    path: "/worker-tokens",
    tag: "Workers",
    summary: "Tokens workers connect with",
    scope: "workers:read",
    query: pageQuery,
    answer: pageOf(workerTokenView),
    run: async ({ gateway, query }) =>
      pageOfAll((await gateway.store.workerTokens.list()).map(shownToken), query, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/worker-tokens",
    tag: "Workers",
    summary: "Make a token for workers of a name; its secret is in the answer and nowhere else",
    scope: "workers:write",
    body: newWorkerToken,
    answer: madeWorkerToken,
    status: 201,
    async run({ body, audited }) {
      return audited("worker-token.create", body.worker, async ({ workerTokens }) => {
        const { token, secret } = await createWorkerToken(workerTokens, body.worker, Date.now());
        return { result: { token: shownToken(token), secret }, after: shownToken(token) };
      });
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/worker-tokens/{id}",
    tag: "Workers",
    summary: "Revoke a token",
    scope: "workers:write",
    params: byId,
    status: 204,
    async run({ params, audited }) {
      await audited("worker-token.revoke", params.id, async ({ workerTokens }) => {
        if (!(await workerTokens.revoke(params.id, Date.now()))) throw notFound("such token that still works");
        return { result: undefined };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/services",
    tag: "Workers",
    summary: "Processes the gateway keeps running",
    scope: "workers:read",
    query: pageQuery,
    answer: pageOf(serviceView),
    async run({ gateway, query }) {
      const shown = (await gateway.services.report()).map(shownService) as { name: string }[];
      return pageOfAll(shown, query, ({ name }) => name);
    },
  }),
  endpoint({
    method: "POST",
    path: "/services/{name}/restart",
    tag: "Workers",
    summary: "Start a service again",
    scope: "workers:write",
    params: z.object({ name: z.string().max(256) }),
    answer: z.object({ name: z.string(), restarting: z.boolean() }),
    async run({ gateway, params, audited }) {
      const { name } = params;
      if (!(await gateway.services.restart(name)))
        throw new GatewayError("not_found", `There is no service '${name}' that is switched on.`);
      await audited("service.restart", name, async () => ({ result: undefined }));
      return { name, restarting: true };
    },
  }),
  endpoint({
    method: "GET",
    path: "/tasks",
    tag: "Jobs",
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
      if (after)
        select = select.where((where) =>
          where.or([
            where("created_at", "<", after.at),
            where.and([where("created_at", "=", after.at), where("id", "<", after.id)]),
          ]),
        );
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
    tag: "Jobs",
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
    tag: "Jobs",
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
    tag: "Jobs",
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
    tag: "Jobs",
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
    tag: "Jobs",
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
    tag: "Jobs",
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
