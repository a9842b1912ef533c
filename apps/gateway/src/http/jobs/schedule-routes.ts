import { GatewayError, missedPolicies, newId, overlapPolicies, type Schedule } from "@trunkline/contracts";
import { checkCallbackUrl, nextRun, taskOfSchedule } from "@trunkline/jobs";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { checkRequest } from "../../jobs/execute-request.ts";
import { shownRun, shownSchedule } from "../../jobs/shown.ts";
import type { JobsGateway } from "./job-routes.ts";
import { readInput, readLimit } from "./read-input.ts";

const members = {
  name: z.string().max(200),
  cron: z.string().max(200),
  time_zone: z.string().max(100),
  endpoint: z.unknown().optional(),
  body: z.unknown().optional(),
  callback_url: z.string().max(2000).nullable(),
  missed: z.enum(missedPolicies),
  overlap: z.enum(overlapPolicies),
  paused: z.boolean(),
};
const newSchedule = z.strictObject({
  ...members,
  name: members.name.default(""),
  time_zone: members.time_zone.default("UTC"),
  callback_url: members.callback_url.default(null),
  missed: members.missed.default("once"),
  overlap: members.overlap.default("skip"),
  paused: members.paused.default(false),
});
const change = z.strictObject(members).partial();

const mostSchedules = 1000;

export function addScheduleRoutes(app: FastifyInstance, { gateway, jobs, keyOf }: JobsGateway): void {
  const { schedules } = gateway.store;

  async function find(request: FastifyRequest, id: string): Promise<Schedule> {
    const key = await keyOf(request);
    const schedule = await schedules.find(id, key.id);
    if (!schedule) throw new GatewayError("not_found", `There is no schedule '${id.slice(0, 100)}'.`);
    return schedule;
  }

  /** Its times and callback checked, with the time it is due next. Throws GatewayError. */
  function checked(schedule: Schedule): Schedule {
    if (schedule.callbackUrl !== null)
      checkCallbackUrl(schedule.callbackUrl, gateway.current.config.jobs.callbacks.allow_addresses);
    const nextAt = nextRun(schedule.cron, schedule.timeZone, Date.now());
    if (nextAt === null)
      throw new GatewayError("invalid_request", `'${schedule.cron}' is never due.`, { parameter: "cron" });
    return { ...schedule, nextAt: schedule.isPaused ? null : nextAt };
  }

  app.post("/v1/schedules", async (request, reply) => {
    const key = await keyOf(request);
    const input = readInput(newSchedule, request.body);
    const { endpoint, body } = checkRequest(input.endpoint, input.body);
    if ((await schedules.list(key.id)).length >= mostSchedules)
      throw new GatewayError("invalid_request", `A key may have ${mostSchedules} schedules. Delete some first.`);
    const schedule = checked({
      id: newId("sched_"),
      keyId: key.id,
      name: input.name,
      cron: input.cron,
      timeZone: input.time_zone,
      endpoint,
      body,
      callbackUrl: input.callback_url,
      missed: input.missed,
      overlap: input.overlap,
      isPaused: input.paused,
      createdAt: Date.now(),
      nextAt: null,
    });
    await schedules.insert(schedule);
    return reply.code(201).send(shownSchedule(schedule));
  });

  app.get("/v1/schedules", async (request) => {
    const key = await keyOf(request);
    return { object: "list", data: (await schedules.list(key.id)).map(shownSchedule), has_more: false };
  });

  app.get<{ Params: { id: string } }>("/v1/schedules/:id", async (request) =>
    shownSchedule(await find(request, request.params.id)),
  );

  app.patch<{ Params: { id: string } }>("/v1/schedules/:id", async (request) => {
    const schedule = await find(request, request.params.id);
    const input = readInput(change, request.body);
    const { endpoint, body } = checkRequest(input.endpoint ?? schedule.endpoint, input.body ?? schedule.body);
    const changed = checked({
      ...schedule,
      endpoint,
      body,
      name: input.name ?? schedule.name,
      cron: input.cron ?? schedule.cron,
      timeZone: input.time_zone ?? schedule.timeZone,
      callbackUrl: input.callback_url === undefined ? schedule.callbackUrl : input.callback_url,
      missed: input.missed ?? schedule.missed,
      overlap: input.overlap ?? schedule.overlap,
      isPaused: input.paused ?? schedule.isPaused,
    });
    await schedules.update(changed);
    return shownSchedule(changed);
  });

  app.delete<{ Params: { id: string } }>("/v1/schedules/:id", async (request) => {
    const { id } = await find(request, request.params.id);
    await schedules.remove(id);
    return { id, object: "schedule", deleted: true };
  });

  app.get<{ Params: { id: string }; Querystring: { limit?: string } }>("/v1/schedules/:id/runs", async (request) => {
    const { id } = await find(request, request.params.id);
    const runs = await schedules.runs(id, readLimit(request.query.limit, 1000, 100));
    return { object: "list", data: runs.map(shownRun), has_more: false };
  });

  app.post<{ Params: { id: string } }>("/v1/schedules/:id/run", async (request, reply) => {
    const schedule = await find(request, request.params.id);
    const task = taskOfSchedule(schedule, "queued", Date.now());
    await gateway.store.tasks.insert([task]);
    jobs.wake();
    return reply.code(202).send({ schedule_id: schedule.id, task_id: task.id });
  });
}
