import { z } from "zod";
import { time, timeOrNull } from "./common.ts";

export const workerView = z
  .object({
    worker: z.string(),
    agent: z.string(),
    address: z.string(),
    connected: z.boolean(),
    active: z.number(),
    capacity: z.number(),
    served: z.number(),
    since: time,
  })
  .meta({ id: "Worker" });
export type WorkerView = z.output<typeof workerView>;

export const workerTokenView = z
  .object({ id: z.string(), worker: z.string(), prefix: z.string(), created: time, revoked: timeOrNull })
  .meta({ id: "WorkerToken" });
export type WorkerTokenView = z.output<typeof workerTokenView>;
export const newWorkerToken = z.strictObject({
  worker: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]*$/i, "letters, digits, '.', '_' and '-'")
    .max(64),
});
export const madeWorkerToken = z
  .object({ token: workerTokenView, secret: z.string().describe("Shown this once.") })
  .meta({ id: "MadeWorkerToken" });

export const serviceView = z.looseObject({ name: z.string(), state: z.string() }).meta({ id: "Service" });
export type ServiceView = z.output<typeof serviceView>;

export const sessionView = z
  .object({
    id: z.string(),
    key_id: z.string(),
    key_name: z.string(),
    provider: z.string(),
    account: z.string(),
    turns: z.int(),
    created: time,
    used: time,
    running: z.boolean(),
  })
  .meta({ id: "Session" });
export type SessionView = z.output<typeof sessionView>;

export const taskView = z
  .object({
    id: z.string(),
    key_id: z.string(),
    key_name: z.string(),
    endpoint: z.string(),
    status: z.string(),
    created: time,
    run_at: timeOrNull,
    started: timeOrNull,
    finished: timeOrNull,
    attempts: z.int(),
    error_code: z.string().nullable(),
    callback_state: z.string(),
    callback_error: z.string().nullable(),
    batch_id: z.string().nullable(),
    schedule_id: z.string().nullable(),
  })
  .meta({ id: "Task" });
export type TaskView = z.output<typeof taskView>;

export const scheduleView = z
  .object({
    id: z.string(),
    key_id: z.string(),
    key_name: z.string(),
    name: z.string(),
    cron: z.string(),
    time_zone: z.string(),
    endpoint: z.string(),
    missed: z.string(),
    overlap: z.string(),
    paused: z.boolean(),
    next: timeOrNull,
  })
  .meta({ id: "Schedule" });
export type ScheduleView = z.output<typeof scheduleView>;
export const scheduleChange = z.strictObject({ paused: z.boolean() });
export const runView = z
  .object({ id: z.string(), due: time, decided: time, outcome: z.string(), task_id: z.string().nullable() })
  .meta({ id: "ScheduleRun" });
export type RunView = z.output<typeof runView>;
