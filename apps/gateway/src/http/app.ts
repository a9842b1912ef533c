import Fastify, { type FastifyInstance, type FastifyServerFactory } from "fastify";
import { GatewayError, newRequestId, toGatewayError } from "@trunkline/contracts";
import { errorAnswer } from "@trunkline/exchange";
import type { Gateway } from "../gateway-types.ts";
import { version } from "../version.ts";
import { readQuota } from "../quota.ts";
import { addAdminApi } from "../desk/admin-api.ts";
import { addAuthRoutes } from "./auth-routes.ts";
import { addJobRoutes } from "./jobs/job-routes.ts";
import { safeHeaders } from "./liveness.ts";
import { dialectOfPath } from "./model-routes.ts";
import { addWebFiles } from "./web-files.ts";

/** Everything but the model routes: health, metrics, and what an address that does not exist says. */
export async function createApp(gateway: Gateway, serverFactory: FastifyServerFactory): Promise<FastifyInstance> {
  const app = Fastify({
    serverFactory,
    bodyLimit: gateway.current.bodyLimit,
    exposeHeadRoutes: true,
    genReqId: () => newRequestId(Date.now()),
    logger: false,
  });

  // SDKs name the type of a body they do not send.
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, undefined);
    else parseJson(request, body, done);
  });

  app.addHook("onSend", async (request, reply) => {
    reply.headers({
      ...safeHeaders,
      "x-request-id": request.id,
      "content-security-policy":
        reply.getHeader("content-security-policy") ?? "default-src 'none'; frame-ancestors 'none'",
    });
  });

  app.get("/", async () => ({
    name: "Trunkline",
    version,
    message:
      "One door to every model you already pay for. Point an SDK at this address and send a key made with `npx trunkline keys create`.",
    dashboard: "/admin",
    endpoints: [
      "/v1/chat/completions",
      "/v1/responses",
      "/v1/messages",
      "/v1beta/models/{model}:generateContent",
      "/v1/embeddings",
      "/v1/models",
      "/v1/usage/quota",
    ],
  }));

  app.get("/v1/health", async (request) => {
    await gateway.authorizeReader(request);
    return gateway.health();
  });

  app.get("/v1/usage/quota", async (request) => {
    await gateway.authorize(request.headers, undefined);
    return readQuota(gateway.current.providers);
  });

  app.get("/metrics", async (request, reply) => {
    if (!gateway.current.config.server.public_metrics) await gateway.authorizeReader(request);
    return reply.type(gateway.metrics.contentType).send(await gateway.metricsText());
  });

  addAdminApi(app, gateway);
  addWebFiles(app);
  addAuthRoutes(app, gateway);
  addJobRoutes(app, gateway);

  app.setNotFoundHandler(async (request) => {
    const path = request.url.split("?")[0]!;
    const hint = path.startsWith("/v1")
      ? ""
      : " API addresses begin with /v1 (or /v1beta): is it missing from the client's base URL?";
    throw new GatewayError("not_found", `There is nothing at ${request.method} ${path.slice(0, 200)}.${hint}`);
  });

  app.setErrorHandler(async (thrown: Error & { statusCode?: number }, request, reply) => {
    const isOurs = thrown instanceof GatewayError;
    const known = !isOurs && thrown.statusCode !== undefined && thrown.statusCode < 500;
    const error = known
      ? new GatewayError(thrown.statusCode === 413 ? "body_too_large" : "invalid_request", thrown.message)
      : toGatewayError(thrown);
    if (error.code === "internal_error")
      gateway.log.error({ err: error.details.cause, requestId: request.id }, "a request failed");
    const answer = errorAnswer(error, dialectOfPath(request.url.split("?")[0]!, request.headers), request.id);
    if (error.code === "missing_key" && /^\/(?:metrics|admin|v1\/auth)/.test(request.url))
      reply.header("www-authenticate", 'Basic realm="Trunkline"');
    return reply.code(answer.status).headers(answer.headers).send(answer.body);
  });

  return app;
}
