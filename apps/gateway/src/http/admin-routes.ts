import { GatewayError, killScopes, type KillScope } from "@trunkline/contracts";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { configTag, writeRoutes } from "../config/write-routes.ts";
import { explain, readQuestion } from "../explain.ts";
import type { Gateway } from "../gateway-types.ts";
import { shownService, shownSwitch, shownTargets } from "../health.ts";
import { killSwitchOf } from "../kill-switch-name.ts";
import { isoTime } from "../iso-time.ts";

/** Newest entries of the kill switches' history that are shown. */
const mostShown = 200;

type Named = { Params: { scope: string; "*": string } };

/** What operators do over HTTP, for the admin's name and password or the command line beside the gateway. */
export function addAdminRoutes(app: FastifyInstance, gateway: Gateway): void {
  const actor = (request: FastifyRequest) => gateway.authorizeOperator(request.headers);

  app.get("/admin/api/routes", async (request, reply) => {
    await actor(request);
    const { config, routeProblems } = gateway.current;
    reply.header("etag", configTag(gateway.home.configFile));
    return { routes: config.routes, problems: routeProblems };
  });

  app.put<{ Body: { routes?: unknown } | null }>("/admin/api/routes", async (request, reply) => {
    const by = await actor(request);
    const { configFile } = gateway.home;
    writeRoutes(configFile, gateway.environment, request.body?.routes, request.headers["if-match"]);
    gateway.log.info({ by }, "the routes were changed");
    reply.header("etag", configTag(configFile));
    return { written: true };
  });

  app.post("/admin/api/routes/explain", async (request) => {
    await actor(request);
    const question = readQuestion(request.body);
    const key = question.key === undefined ? undefined : await gateway.store.keys.get(question.key);
    if (question.key !== undefined && !key)
      throw new GatewayError("not_found", `There is no single key with the id or name '${question.key}'.`);
    return explain(gateway.current.exchange, question, { key, killSwitches: await gateway.killSwitches() });
  });

  app.get("/admin/api/targets", async (request) => {
    await actor(request);
    return { targets: shownTargets(gateway.targets, Date.now()) };
  });

  app.delete<Named>("/admin/api/targets/:scope/*", async (request) => {
    await actor(request);
    return { reset: gateway.targets.health.reset(request.params.scope, request.params["*"]) };
  });

  app.delete<Named>("/admin/api/targets/:scope", async (request) => {
    await actor(request);
    return { reset: gateway.targets.health.reset(request.params.scope) };
  });

  app.get("/admin/api/workers", async (request) => {
    await actor(request);
    const report = gateway.workers.loaded?.report() ?? [];
    return {
      workers: report.map(({ isConnected, since, ...rest }) => ({
        ...rest,
        connected: isConnected,
        since: isoTime(since),
      })),
    };
  });

  app.get("/admin/api/services", async (request) => {
    await actor(request);
    return { services: (await gateway.services.report()).map(shownService) };
  });

  app.post<{ Params: { name: string } }>("/admin/api/services/:name/restart", async (request) => {
    const by = await actor(request);
    const { name } = request.params;
    if (!(await gateway.services.restart(name)))
      throw new GatewayError("not_found", `There is no service '${name}' that is switched on.`);
    gateway.log.info({ service: name, by }, "a service is started again");
    return { name, restarting: true };
  });

  app.get("/admin/api/limits", async (request) => {
    await actor(request);
    return { limits: await gateway.limits() };
  });

  app.get<{ Querystring: { all?: string } }>("/admin/api/kill-switches", async (request) => {
    await actor(request);
    if (request.query.all === undefined) return { kill_switches: (await gateway.killSwitches()).map(shownSwitch) };
    const entries = await gateway.store.killSwitches.history(mostShown);
    return {
      kill_switches: entries.map((entry) => ({
        ...shownSwitch(entry),
        lifted: isoTime(entry.liftedAt),
        lifted_by: entry.liftedBy,
      })),
    };
  });

  app.post<{ Body: { scope?: unknown; name?: unknown; reason?: unknown } | null }>(
    "/admin/api/kill-switches",
    async (request) => {
      const setBy = await actor(request);
      const { scope, name, reason = "" } = request.body ?? {};
      const named = await killSwitchOf(gateway, scope, name);
      if (typeof reason !== "string" || reason.length > 500)
        throw new GatewayError("invalid_request", "`reason` is a text of at most 500 characters.", {
          parameter: "reason",
        });
      const changed = await gateway.store.killSwitches.set({ ...named, reason, setAt: Date.now(), setBy });
      return { ...named, killed: true, changed };
    },
  );

  const lift = async (request: FastifyRequest<Named>) => {
    const by = await actor(request);
    const scope = request.params.scope as KillScope;
    const name = request.params["*"] ?? "";
    const isKnown = (killScopes as readonly string[]).includes(scope);
    if (!isKnown || !(await gateway.store.killSwitches.lift(scope, name, Date.now(), by)))
      throw new GatewayError("not_found", `No kill switch is set here for ${scope} '${name}'.`);
    return { scope, name, killed: false };
  };
  app.delete<Named>("/admin/api/kill-switches/:scope/*", lift);
  app.delete<Named>("/admin/api/kill-switches/:scope", lift);
}
