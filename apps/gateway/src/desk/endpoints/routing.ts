import { explanation, routesInput, routesView } from "@trunkline/admin/api";
import { GatewayError, newId, strategies } from "@trunkline/contracts";
import { z } from "zod";
import { configTag, readConfigText, writeRoutes } from "../../config/write-config.ts";
import { explain, explainQuestion, type ExplainQuestion } from "../../explain.ts";
import type { Gateway } from "../../gateway-types.ts";
import { endpoint } from "../endpoint.ts";

const tag = "Routes";

/** As the file has them: what is in force may lag behind it for a moment. */
function shownRoutes(gateway: Gateway) {
  const { routeProblems } = gateway.current;
  return {
    routes: readConfigText(gateway.home.configFile).routes,
    problems: routeProblems,
    strategies: [...strategies],
  };
}

export const routingEndpoints = [
  endpoint({
    method: "GET",
    path: "/routes",
    tag,
    summary: "Which targets answer which models; the tag is the whole configuration file's",
    scope: "routes:read",
    answer: routesView,
    async run({ gateway, reply }) {
      reply.header("etag", configTag(gateway.home.configFile));
      return shownRoutes(gateway);
    },
  }),
  endpoint({
    method: "PUT",
    path: "/routes",
    tag,
    summary: "Put routes into the configuration file; the rest of it stays, comments too",
    scope: "routes:write",
    body: routesInput,
    answer: z.object({ written: z.boolean() }),
    needsMatch: true,
    async run({ gateway, actor, body, request, reply, audited }) {
      const { configFile } = gateway.home;
      await audited("routes.change", "routes", async ({ configVersions }) => {
        const before = shownRoutes(gateway).routes;
        const { text } = readConfigText(configFile);
        const tag = configTag(configFile);
        await configVersions.insert({ id: newId("cfg_"), at: Date.now(), actor: actor.name, tag, text });
        // From here on no other process is in a change: what was read is what is written over.
        writeRoutes(configFile, gateway.environment, body.routes, request.headers["if-match"]);
        return { result: undefined, before, after: body.routes };
      });
      reply.header("etag", configTag(configFile));
      return { written: true };
    },
  }),
  endpoint({
    method: "POST",
    path: "/routes/explain",
    tag,
    summary: "What would happen to a request, without sending it",
    scope: "routes:read",
    body: explainQuestion as unknown as z.ZodType<ExplainQuestion>,
    answer: explanation,
    async run({ gateway, body }) {
      const key = body.key === undefined ? undefined : await gateway.store.keys.get(body.key);
      if (body.key !== undefined && !key)
        throw new GatewayError("not_found", `There is no single key with the id or name '${body.key}'.`);
      return explain(gateway.current.exchange, body, { key, killSwitches: await gateway.killSwitches() });
    },
  }),
];
