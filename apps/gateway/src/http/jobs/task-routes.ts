import { createHash } from "node:crypto";
import { callbackStates, GatewayError, newId, newTask, taskStatuses, type Key, type Task } from "@trunkline/contracts";
import { checkCallbackUrl } from "@trunkline/jobs";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { checkRequest } from "../../jobs/execute-request.ts";
import { shownTask } from "../../jobs/shown.ts";
import type { JobsGateway } from "./job-routes.ts";
import { readInput, readLimit, shownPage } from "./read-input.ts";

const idempotencyKey = z.string().min(1).max(200);

const taskInput = z.strictObject({
  endpoint: z.unknown().optional(),
  body: z.unknown().optional(),
  callback_url: z.string().max(2000).optional(),
  idempotency_key: idempotencyKey.optional(),
  run_at: z.int().positive().max(253_402_300_799).optional().describe("Seconds since the epoch: not before then."),
});

export function addTaskRoutes(app: FastifyInstance, { gateway, jobs, keyOf }: JobsGateway): void {
  const { tasks } = gateway.store;

  async function find(request: FastifyRequest, id: string): Promise<Task> {
    const key = await keyOf(request);
    const task = await tasks.find(id, key.id);
    if (!task) throw new GatewayError("not_found", `There is no task '${id.slice(0, 100)}'.`);
    return task;
  }

  function readTask(key: Key, request: FastifyRequest): Task {
    const input = readInput(taskInput, request.body);
    const { endpoint, body } = checkRequest(input.endpoint, input.body);
    const header = request.headers["idempotency-key"];
    const given =
      input.idempotency_key ?? (header === undefined ? undefined : readInput(idempotencyKey, String(header)));
    const callbackUrl = input.callback_url ?? null;
    if (callbackUrl !== null) checkCallbackUrl(callbackUrl, gateway.current.config.jobs.callbacks.allow_addresses);
    const now = Date.now();
    const asked = JSON.stringify([endpoint, body, callbackUrl, input.run_at ?? null]);
    return newTask({
      id: newId("task_"),
      keyId: key.id,
      endpoint,
      body,
      createdAt: now,
      runAt: input.run_at === undefined ? now : input.run_at * 1000,
      callbackUrl,
      idempotencyKey: given ?? null,
      fingerprint: createHash("sha256").update(asked).digest("hex"),
    });
  }

  app.post("/v1/tasks", async (request, reply) => {
    const key = await keyOf(request);
    const task = readTask(key, request);
    const most = gateway.current.config.jobs.waiting_per_key;
    if ((await tasks.countWaiting(key.id)) >= most)
      throw new GatewayError(
        "queue_full",
        `${most} tasks of this key are waiting already. Send more when some have ended.`,
        {
          retryAfterMs: 10_000,
        },
      );
    // Of two that come at once with the same idempotency key, one is written.
    if ((await tasks.insert([task])) > 0) {
      jobs.wake();
      return reply.code(202).send(shownTask(task));
    }
    const known = await tasks.findByIdempotencyKey(key.id, task.idempotencyKey!);
    if (known && known.fingerprint === task.fingerprint) return reply.code(200).send(shownTask(known));
    throw new GatewayError(
      "conflict",
      `The idempotency key '${task.idempotencyKey}' stands for another task already${known ? `, ${known.id}` : ""}. Send a new one with a new request.`,
      { parameter: "idempotency_key" },
    );
  });

  app.get<{ Querystring: { limit?: string; after?: string; status?: string; callback?: string } }>(
    "/v1/tasks",
    async (request) => {
      const key = await keyOf(request);
      const { limit: wanted, after, ...filter } = request.query;
      const limit = readLimit(wanted, 100, 20);
      const { status, callback } = readInput(
        z.object({ status: z.enum(taskStatuses).optional(), callback: z.enum(callbackStates).optional() }),
        filter,
      );
      const found = await tasks.list({
        keyId: key.id,
        limit: limit + 1,
        ...(after === undefined ? {} : { after }),
        ...(status === undefined ? {} : { status }),
        ...(callback === undefined ? {} : { callback }),
      });
      return shownPage(found, limit, shownTask);
    },
  );

  app.get<{ Params: { id: string } }>("/v1/tasks/:id", async (request) =>
    shownTask(await find(request, request.params.id)),
  );

  app.post<{ Params: { id: string } }>("/v1/tasks/:id/cancel", async (request) => {
    const { id } = await find(request, request.params.id);
    if (!(await tasks.cancel(id, Date.now())))
      throw new GatewayError("conflict", "The task has ended already; what came of it stays.");
    jobs.abort(id);
    jobs.wake();
    return shownTask((await tasks.find(id))!);
  });

  app.post<{ Params: { id: string } }>("/v1/tasks/:id/callback", async (request) => {
    const { id } = await find(request, request.params.id);
    if (!(await tasks.deliverAgain(id, Date.now())))
      throw new GatewayError("conflict", "The task has no callback, or it is on its way.");
    jobs.wake();
    return shownTask((await tasks.find(id))!);
  });

  app.get("/v1/webhooks/secret", async (request) => {
    const key = await keyOf(request);
    const { current, previous, previousUntil } = await jobs.secretsOf(key.id);
    return { secret: current, previous_until: previous === null ? null : Math.floor(previousUntil / 1000) };
  });

  app.post("/v1/webhooks/secret/rotate", async (request) => {
    const key = await keyOf(request);
    const { current, previousUntil } = await jobs.rotateSecret(key.id);
    return { secret: current, previous_until: Math.floor(previousUntil / 1000) };
  });
}
