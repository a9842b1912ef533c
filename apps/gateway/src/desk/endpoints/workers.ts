import { createWorkerToken } from "@trunkline/admin";
import {
  madeWorkerToken,
  newWorkerToken,
  pageOf,
  pageQuery,
  serviceView,
  workerTokenView,
  workerView,
} from "@trunkline/admin/api";
import { GatewayError, type WorkerToken } from "@trunkline/contracts";
import { z } from "zod";
import { shownService } from "../../health.ts";
import { isoTime } from "../../iso-time.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { pageOfAll } from "../page.ts";

const tag = "Workers";

function shownToken({ id, worker, prefix, createdAt, revokedAt }: WorkerToken) {
  return { id, worker, prefix, created: isoTime(createdAt), revoked: isoTime(revokedAt) };
}

export const workerEndpoints = [
  endpoint({
    method: "GET",
    path: "/workers",
    tag,
    summary: "Workers that are connected to this process",
    scope: "workers:read",
    query: pageQuery,
    answer: pageOf(workerView),
    async run({ gateway, query }) {
      const report = gateway.workers.loaded?.report() ?? [];
      const shown = report.map(({ isConnected, since, ...rest }, index) => ({
        ...rest,
        connected: isConnected,
        since: isoTime(since),
        index: String(index),
      }));
      const { items, next } = pageOfAll(shown, query, ({ index }) => index);
      return { items: items.map(({ index: _index, ...rest }) => rest), next };
    },
  }),
  endpoint({
    method: "GET",
    path: "/worker-tokens",
    tag,
    summary: "Tokens workers connect with",
    scope: "workers:read",
    query: pageQuery,
    answer: pageOf(workerTokenView),
    run: async ({ gateway, query }) =>
      pageOfAll((await gateway.store.workerTokens.list()).map(shownToken), query, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/worker-tokens",
    tag,
    summary: "Make a token for workers of a name; its secret is in the answer and nowhere else",
    scope: "workers:write",
    body: newWorkerToken,
    answer: madeWorkerToken,
    status: 201,
    async run({ body, audited }) {
      return audited("worker-token.create", body.worker, async ({ workerTokens }) => {
        const { token, secret } = await createWorkerToken(workerTokens, body.worker, Date.now());
        return { result: { token: shownToken(token), secret }, after: shownToken(token) };
      });
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/worker-tokens/{id}",
    tag,
    summary: "Revoke a token",
    scope: "workers:write",
    params: z.object({ id: z.string().max(128) }),
    status: 204,
    async run({ params, audited }) {
      await audited("worker-token.revoke", params.id, async ({ workerTokens }) => {
        if (!(await workerTokens.revoke(params.id, Date.now()))) throw notFound("such token that still works");
        return { result: undefined };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/services",
    tag,
    summary: "Processes the gateway keeps running",
    scope: "workers:read",
    query: pageQuery,
    answer: pageOf(serviceView),
    async run({ gateway, query }) {
      const shown = (await gateway.services.report()).map(shownService) as { name: string }[];
      return pageOfAll(shown, query, ({ name }) => name);
    },
  }),
  endpoint({
    method: "POST",
    path: "/services/{name}/restart",
    tag,
    summary: "Start a service again",
    scope: "workers:write",
    params: z.object({ name: z.string().max(256) }),
    answer: z.object({ name: z.string(), restarting: z.boolean() }),
    async run({ gateway, params, audited }) {
      const { name } = params;
      if (!(await gateway.services.restart(name)))
        throw new GatewayError("not_found", `There is no service '${name}' that is switched on.`);
      await audited("service.restart", name, async () => ({ result: undefined }));
      return { name, restarting: true };
    },
  }),
];
