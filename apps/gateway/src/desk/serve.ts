import { createHash } from "node:crypto";
import { GatewayError, newRequestId, scopesOf, toGatewayError, type Actor } from "@trunkline/contracts";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Gateway } from "../gateway-types.ts";
import { tagOf, type AnyEndpoint, type Call } from "./endpoint.ts";
import { problemOf } from "./problem.ts";

export const prefix = "/admin/api";

/** Nobody in particular: who asks what anybody may. */
const nobody: Actor = { name: "nobody", userId: null, sessionId: null, role: "none" };

function read(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (!schema) return value;
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...issue.path, ...(unknown === undefined ? [] : [unknown])].join(".");
  const message = unknown === undefined ? issue.message : "there is no such member";
  throw new GatewayError(
    "invalid_request",
    path === "" ? `${where}: ${message}.` : `'${path}' in ${where}: ${message}.`,
    path === "" ? {} : { parameter: path },
  );
}

/** The tags of `If-Match`; undefined when there is none. */
function tagsOf(header: string | undefined): readonly string[] | undefined {
  return header?.split(",").map((tag) => tag.trim());
}

/** Serves the endpoints: who asks and whether they may, what they send, tags, idempotency keys, problems. */
export function serveEndpoints(app: FastifyInstance, gateway: Gateway, endpoints: readonly AnyEndpoint[]): void {
  async function actorOf(endpoint: AnyEndpoint, request: FastifyRequest): Promise<Actor> {
    if (endpoint.scope === null) return (await gateway.desk.whoOrNobody(request)) ?? nobody;
    const actor = await gateway.desk.who(request);
    if (endpoint.scope !== "signed-in" && !scopesOf[actor.role].includes(endpoint.scope))
      throw new GatewayError(
        "not_permitted",
        `This takes the right '${endpoint.scope}', which the role '${actor.role}' does not have. Ask an admin.`,
      );
    return actor;
  }

  function callOf(endpoint: AnyEndpoint, actor: Actor, request: FastifyRequest, reply: FastifyReply) {
    const given = tagsOf(request.headers["if-match"]);
    if (endpoint.needsMatch && !given)
      throw new GatewayError(
        "if_match_missing",
        "Send `If-Match` with the `ETag` you have read, or `*` to overwrite whatever is there.",
      );
    const call: Call<unknown, unknown, unknown> = {
      gateway,
      actor,
      params: read(endpoint.params, request.params, "the address"),
      query: read(endpoint.query, request.query, "the query"),
      body: endpoint.body ? read(endpoint.body, request.body, "the body") : undefined,
      request,
      reply,
      match(seen) {
        if (given && !given.includes("*") && !given.includes(tagOf(seen)))
          throw new GatewayError(
            "changed_meanwhile",
            "Somebody else has changed it meanwhile. Read it again, and change that.",
          );
      },
      audited(action, target, change) {
        const { name } = actor;
        const who = { at: Date.now(), actor: name, action, target, address: request.ip, requestId: request.id };
        return gateway.store.audited(who, change);
      },
    };
    return call;
  }

  async function answer(endpoint: AnyEndpoint, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    reply.header("cache-control", "no-store");
    const actor = await actorOf(endpoint, request);
    const call = callOf(endpoint, actor, request, reply);
    const run = async () => {
      const value = await endpoint.run(call);
      reply.code(endpoint.status ?? 200);
      return value;
    };
    const key = request.headers["idempotency-key"];
    if (endpoint.method !== "POST" || typeof key !== "string" || actor === nobody) return run();
    return once(gateway, { actor, key, request, reply }, run);
  }

  for (const endpoint of endpoints) {
    const url = prefix + endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.route({
      method: endpoint.method,
      url,
      errorHandler: (thrown, request, reply) => void sendProblem(gateway, thrown, request, reply),
      handler: async (request, reply) => {
        const value = await answer(endpoint, request, reply);
        // It has begun to answer by itself: a stream.
        if (reply.sent || reply.raw.headersSent) return reply;
        if (endpoint.status === 204) return reply.send();
        if (endpoint.answer === undefined) return reply.type(endpoint.type ?? "text/plain").send(value);
        if (endpoint.method === "GET" && !reply.hasHeader("etag")) {
          const tag = tagOf(value);
          reply.header("etag", tag);
          if (request.headers["if-none-match"] === tag) return reply.code(304).send();
        }
        return value;
      },
    });
  }
}

const longestIdempotencyKey = 255;

/** The same request with the same key is done once, and answered as it was. */
async function once(
  { store }: Gateway,
  {
    actor,
    key,
    request,
    reply,
  }: { readonly actor: Actor; readonly key: string; readonly request: FastifyRequest; readonly reply: FastifyReply },
  run: () => Promise<unknown>,
): Promise<unknown> {
  if (key === "" || key.length > longestIdempotencyKey)
    throw new GatewayError("invalid_request", "`Idempotency-Key` is 1 to 255 characters.", {
      parameter: "Idempotency-Key",
    });
  const hash = (...parts: unknown[]) => createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
  const id = hash(actor.name, key);
  const fingerprint = hash(request.method, request.url, request.body ?? null);
  if (!(await store.idempotentAnswers.claim(id, fingerprint, Date.now()))) {
    const kept = await store.idempotentAnswers.find(id);
    if (kept && kept.fingerprint !== fingerprint)
      throw new GatewayError("conflict", "This `Idempotency-Key` was used for another request. Take a new one.");
    if (!kept || kept.status === 0)
      throw new GatewayError("conflict", "The first request with this `Idempotency-Key` is still being answered.");
    reply.code(kept.status).header("idempotency-replayed", "true");
    return kept.body === "" ? undefined : (JSON.parse(kept.body) as unknown);
  }
  try {
    const value = await run();
    await store.idempotentAnswers.put(id, reply.statusCode, value === undefined ? "" : JSON.stringify(value));
    return value;
  } catch (error) {
    await store.idempotentAnswers.remove(id);
    throw error;
  }
}

/** Tells what went wrong, as RFC 9457 has it. */
export function sendProblem(
  gateway: Gateway,
  thrown: Error & { statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const isKnown = !(thrown instanceof GatewayError) && thrown.statusCode !== undefined && thrown.statusCode < 500;
  const error = isKnown
    ? new GatewayError(thrown.statusCode === 413 ? "body_too_large" : "invalid_request", thrown.message)
    : toGatewayError(thrown);
  const requestId = request.id ?? newRequestId(Date.now());
  if (error.code === "internal_error") gateway.log.error({ err: error.details.cause, requestId }, "a request failed");
  // A browser that has the dashboard open would ask for a password by itself.
  if (error.code === "missing_key" && request.headers["sec-fetch-mode"] === undefined)
    reply.header("www-authenticate", 'Basic realm="Trunkline"');
  const { retryAfterMs } = error.details;
  if (retryAfterMs !== undefined) reply.header("retry-after", String(Math.ceil(retryAfterMs / 1000)));
  return reply
    .code(error.status)
    .header("cache-control", "no-store")
    .type("application/problem+json")
    .send(JSON.stringify(problemOf(error, requestId)));
}
