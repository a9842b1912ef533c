import { GatewayError, type Key } from "@trunkline/contracts";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Gateway } from "../../gateway-types.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import { addBatchRoutes } from "./batch-routes.ts";
import { addFileRoutes } from "./file-routes.ts";
import { addScheduleRoutes } from "./schedule-routes.ts";
import { addTaskRoutes } from "./task-routes.ts";

/** What these routes work with. */
export type JobsGateway = {
  readonly gateway: Gateway;
  readonly jobs: Jobs;
  /** The client's key. Throws GatewayError. */
  keyOf(request: FastifyRequest): Promise<Key>;
};

const isOff = () =>
  new GatewayError("provider_unavailable", "Work in the background is switched off here (`jobs.enabled`).");

const offJobs: Jobs = {
  wake() {},
  abort() {},
  secretsOf: () => Promise.reject(isOff()),
  rotateSecret: () => Promise.reject(isOff()),
  stop: async () => {},
};

/** Tasks, files, batches and schedules: what clients leave to be done. */
export function addJobRoutes(app: FastifyInstance, gateway: Gateway): void {
  // Forms are read by whoever wants them: a file need not fit into memory.
  app.addContentTypeParser("multipart/form-data", (_request, payload, done) => done(null, payload));
  const shared: JobsGateway = {
    gateway,
    jobs: gateway.jobs ?? offJobs,
    async keyOf(request) {
      const key = await gateway.authorize(request.headers, undefined);
      if (!gateway.jobs) throw isOff();
      if (gateway.draining)
        throw new GatewayError(
          "shutting_down",
          "The gateway is stopping and takes no new requests. Try again in a moment.",
          { retryAfterMs: 1000 },
        );
      return key;
    },
  };
  addTaskRoutes(app, shared);
  addFileRoutes(app, shared);
  addBatchRoutes(app, shared);
  addScheduleRoutes(app, shared);
}
