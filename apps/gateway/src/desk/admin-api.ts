import { GatewayError } from "@trunkline/contracts";
import type { FastifyInstance } from "fastify";
import type { Gateway } from "../gateway-types.ts";
import { endpoints } from "./endpoints/index.ts";
import { openApiOf } from "./openapi.ts";
import { prefix, sendProblem, serveEndpoints } from "./serve.ts";

/** The operator's API, with a description of it that is made from what it is served with. */
export function addAdminApi(app: FastifyInstance, gateway: Gateway): void {
  serveEndpoints(app, gateway, endpoints);
  let description: object | undefined;
  app.get(`${prefix}/openapi.json`, async () => (description ??= openApiOf(endpoints)));
  app.all(`${prefix}/*`, (request, reply) => {
    const path = request.url.split("?")[0]!.slice(0, 200);
    const error = new GatewayError(
      "not_found",
      `There is nothing at ${request.method} ${path}. ${prefix}/openapi.json lists what there is.`,
    );
    return sendProblem(gateway, error, request, reply);
  });
}
