import { GatewayError, newId, type Batch, type JsonObject } from "@trunkline/contracts";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { checkRequest } from "../../jobs/execute-request.ts";
import { shownBatch } from "../../jobs/shown.ts";
import type { JobsGateway } from "./job-routes.ts";
import { readInput, readLimit, shownPage } from "./read-input.ts";

const windows: Readonly<Record<string, number>> = { "24h": 86_400_000 };

const batchInput = z.object({
  input_file_id: z.string().min(1),
  endpoint: z.string(),
  completion_window: z.enum(["24h"]),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});

export function addBatchRoutes(app: FastifyInstance, { gateway, jobs, keyOf }: JobsGateway): void {
  const { batches, files, tasks } = gateway.store;
  const show = async (batch: Batch) => shownBatch(batch, await tasks.countBatch(batch.id));

  async function find(request: FastifyRequest, id: string): Promise<Batch> {
    const key = await keyOf(request);
    const batch = await batches.find(id, key.id);
    if (!batch) throw new GatewayError("not_found", `There is no batch '${id.slice(0, 100)}'.`);
    return batch;
  }

  app.post("/v1/batches", async (request) => {
    const key = await keyOf(request);
    const input = readInput(batchInput, request.body);
    checkRequest(input.endpoint, { model: "any" });
    const file = await files.find(input.input_file_id, key.id);
    if (!file)
      throw new GatewayError("not_found", `There is no file '${input.input_file_id.slice(0, 100)}'.`, {
        parameter: "input_file_id",
      });
    if (file.purpose !== "batch")
      throw new GatewayError("invalid_request", "The file's purpose must be 'batch'.", { parameter: "input_file_id" });
    const now = Date.now();
    const batch: Batch = {
      id: newId("batch_"),
      keyId: key.id,
      endpoint: input.endpoint,
      status: "validating",
      inputFileId: file.id,
      outputFileId: null,
      errorFileId: null,
      completionWindow: input.completion_window,
      metadata: (input.metadata ?? null) as JsonObject | null,
      total: 0,
      errors: [],
      createdAt: now,
      expiresAt: now + windows[input.completion_window]!,
      reachedAt: {},
    };
    await batches.insert(batch);
    jobs.wake();
    return shownBatch(batch, {});
  });

  app.get<{ Querystring: { limit?: string; after?: string } }>("/v1/batches", async (request) => {
    const key = await keyOf(request);
    const limit = readLimit(request.query.limit, 100, 20);
    const found = await batches.list(key.id, request.query.after, limit + 1);
    const counts = new Map(await Promise.all(found.map(async ({ id }) => [id, await tasks.countBatch(id)] as const)));
    return shownPage(found, limit, (batch) => shownBatch(batch, counts.get(batch.id)!));
  });

  app.get<{ Params: { id: string } }>("/v1/batches/:id", async (request) =>
    show(await find(request, request.params.id)),
  );

  app.post<{ Params: { id: string } }>("/v1/batches/:id/cancel", async (request) => {
    const batch = await find(request, request.params.id);
    const isOpen = batch.status === "validating" || batch.status === "in_progress";
    if (!isOpen || !(await batches.move(batch, "cancelling", Date.now())))
      throw new GatewayError("conflict", `The batch is ${batch.status}: there is nothing to cancel any more.`);
    jobs.wake();
    return show((await batches.find(batch.id))!);
  });
}
