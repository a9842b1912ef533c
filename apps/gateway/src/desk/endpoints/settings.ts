import {
  pageOf,
  pageQuery,
  settingsDiff,
  settingsInput,
  settingsView,
  versionView,
  type SettingsDiff,
} from "@trunkline/admin/api";
import { GatewayError, newId } from "@trunkline/contracts";
import { diffLines } from "diff";
import { z } from "zod";
import { masked, maskedText } from "../../config/masked.ts";
import { configSchema } from "../../config/schema.ts";
import { changedText, configTag, problemsOf, readConfigText, writeSettings } from "../../config/write-config.ts";
import type { Gateway } from "../../gateway-types.ts";
import { isoTime } from "../../iso-time.ts";
import { endpoint, notFound, type Call } from "../endpoint.ts";
import { pageOfAll } from "../page.ts";

const tag = "Settings";
const byId = z.object({ id: z.string().max(64) });
const mostVersions = 200;
/** Lines around a change that are shown with it. */
const context = 3;

/** Settings the environment decides, whatever the file says. */
const variables: Readonly<Record<string, string>> = {
  "server.host": "TRUNKLINE_HOST",
  "server.port": "TRUNKLINE_PORT",
  database: "TRUNKLINE_DATABASE",
  "log.level": "TRUNKLINE_LOG_LEVEL",
  discover: "TRUNKLINE_DISCOVER",
};
/** What is read once, at the start. */
const needRestart = ["server.host", "server.port", "database", "jobs", "log.level", "telemetry"];

function diffOf(before: string, after: string): SettingsDiff["diff"] {
  const parts = diffLines(before, after).map(({ added, removed, value }) => ({
    kind: added ? ("added" as const) : removed ? ("removed" as const) : ("same" as const),
    lines: value.replace(/\n$/, "").split("\n"),
  }));
  return parts.flatMap(({ kind, lines }, index) => {
    const all = lines.map((text) => ({ kind, text }));
    if (kind !== "same" || all.length <= 2 * context) return all;
    const head = index === 0 ? [] : all.slice(0, context);
    const tail = index === parts.length - 1 ? [] : all.slice(-context);
    return [...head, { kind, text: "⋯" }, ...tail];
  });
}

function preview({ home, environment }: Gateway, next: string): SettingsDiff {
  const before = maskedText(readConfigText(home.configFile).text);
  const problems = problemsOf(next, home.configFile, environment);
  return { valid: problems.length === 0, problems, diff: diffOf(before, maskedText(next)) };
}

async function write(
  { gateway, actor, request, reply, audited }: Call<unknown, unknown, unknown>,
  action: string,
  next: string,
): Promise<SettingsDiff> {
  const { configFile } = gateway.home;
  const shown = preview(gateway, next);
  await audited(action, "settings", async ({ configVersions }) => {
    const { text } = readConfigText(configFile);
    const tag = configTag(configFile);
    await configVersions.insert({ id: newId("cfg_"), at: Date.now(), actor: actor.name, tag, text });
    // From here on no other process is in a change: what was read is what is written over.
    writeSettings(configFile, gateway.environment, next, request.headers["if-match"]);
    const lines = shown.diff.filter(({ kind }) => kind !== "same");
    return {
      result: undefined,
      before: lines.filter(({ kind }) => kind === "removed").map(({ text }) => text),
      after: lines.filter(({ kind }) => kind === "added").map(({ text }) => text),
    };
  });
  reply.header("etag", configTag(configFile));
  return shown;
}

export const settingsEndpoints = [
  endpoint({
    method: "GET",
    path: "/settings",
    tag,
    summary: "Every setting: as it is in force and as it is written, with the schema of all; secrets are masked",
    scope: "settings:read",
    answer: settingsView,
    async run({ gateway, reply }) {
      const { configFile } = gateway.home;
      reply.header("etag", configTag(configFile));
      const { badRoutes: _badRoutes, ...values } = gateway.current.config;
      const overridden = Object.entries(variables).filter(([, variable]) => gateway.environment[variable]);
      return {
        values: masked(values) as Record<string, unknown>,
        written: masked(readConfigText(configFile).values) as Record<string, unknown>,
        file: configFile,
        overridden: Object.fromEntries(overridden),
        restart: needRestart,
        schema: z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as Record<string, unknown>,
      };
    },
  }),
  endpoint({
    method: "POST",
    path: "/settings/preview",
    tag,
    summary: "What changes would make of the file, and what is wrong with them",
    scope: "settings:read",
    body: settingsInput,
    answer: settingsDiff,
    run: async ({ gateway, body }) => preview(gateway, changedText(gateway.home.configFile, body.changes)),
  }),
  endpoint({
    method: "PATCH",
    path: "/settings",
    tag,
    summary: "Change settings in the configuration file; the rest of it stays, comments too",
    scope: "settings:write",
    body: settingsInput,
    answer: settingsDiff,
    needsMatch: true,
    run: async (call) => write(call, "settings.change", changedText(call.gateway.home.configFile, call.body.changes)),
  }),
  endpoint({
    method: "GET",
    path: "/settings/history",
    tag,
    summary: "Configurations as they were before each change made here",
    scope: "settings:read",
    query: pageQuery,
    answer: pageOf(versionView),
    async run({ gateway, query }) {
      const versions = await gateway.store.configVersions.list(mostVersions);
      const shown = versions.map(({ id, at, actor, tag }) => ({ id, time: isoTime(at), actor, tag }));
      return pageOfAll(shown, query, ({ id }) => id);
    },
  }),
  endpoint({
    method: "GET",
    path: "/settings/history/{id}",
    tag,
    summary: "What going back to a configuration would change",
    scope: "settings:read",
    params: byId,
    answer: settingsDiff,
    async run({ gateway, params }) {
      const version = await gateway.store.configVersions.get(params.id);
      if (!version) throw notFound("such configuration; the newest 200 are kept");
      return preview(gateway, version.text);
    },
  }),
  endpoint({
    method: "POST",
    path: "/settings/history/{id}/restore",
    tag,
    summary: "Go back to a configuration",
    scope: "settings:write",
    params: byId,
    answer: settingsDiff,
    needsMatch: true,
    async run(call) {
      const version = await call.gateway.store.configVersions.get(call.params.id);
      if (!version) throw new GatewayError("not_found", "There is no such configuration; the newest 200 are kept.");
      return write(call, "settings.restore", version.text);
    },
  }),
];
