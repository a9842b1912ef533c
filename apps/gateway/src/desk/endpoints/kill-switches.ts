import { newSwitch, pageOf, pageQuery, switchView, type SwitchView } from "@trunkline/admin/api";
import { GatewayError, killScopes, type KillSwitch, type KillSwitchEntry } from "@trunkline/contracts";
import { z } from "zod";
import { isoTime } from "../../iso-time.ts";
import { killSwitchOf } from "../../kill-switch-name.ts";
import { endpoint } from "../endpoint.ts";
import { pageOfAll } from "../page.ts";

const tag = "Kill switches";
/** Newest entries of the history that are shown. */
const mostShown = 1000;

function shownSwitch(entry: KillSwitch & Partial<KillSwitchEntry>): SwitchView {
  return {
    scope: entry.scope,
    name: entry.name,
    reason: entry.reason,
    since: isoTime(entry.setAt)!,
    by: entry.setBy,
    lifted: isoTime(entry.liftedAt ?? null),
    lifted_by: entry.liftedBy ?? null,
  };
}

export const killSwitchEndpoints = [
  endpoint({
    method: "GET",
    path: "/kill-switches",
    tag,
    summary: "What is switched off; with `all` what ever was, too",
    scope: "kill-switches:read",
    query: z.strictObject({ ...pageQuery.shape, all: z.stringbool().or(z.literal("")).optional() }),
    answer: pageOf(switchView),
    async run({ gateway, query }) {
      const wantsAll = query.all === true || query.all === "";
      const entries = wantsAll ? await gateway.store.killSwitches.history(mostShown) : await gateway.killSwitches();
      return pageOfAll(entries.map(shownSwitch), query, ({ scope, name, since }) => `${since} ${scope} ${name}`);
    },
  }),
  endpoint({
    method: "POST",
    path: "/kill-switches",
    tag,
    summary: "Switch everything, a provider, a model, a route or a key off",
    scope: "kill-switches:write",
    body: newSwitch,
    answer: z.object({ scope: z.enum(killScopes), name: z.string(), killed: z.boolean(), changed: z.boolean() }),
    async run({ gateway, actor, body, audited }) {
      const named = await killSwitchOf(gateway, body.scope, body.name);
      const entry = { ...named, reason: body.reason, setAt: Date.now(), setBy: actor.name };
      return audited("kill-switch.set", `${named.scope} ${named.name}`.trim(), async ({ killSwitches }) => {
        const changed = await killSwitches.set(entry);
        return { result: { ...named, killed: true, changed }, after: { ...named, reason: body.reason } };
      });
    },
  }),
  ...["/kill-switches/{scope}", "/kill-switches/{scope}/*"].map((path) =>
    endpoint({
      method: "DELETE",
      path,
      tag,
      summary: "Switch it on again",
      scope: "kill-switches:write",
      params: z.object({ scope: z.enum(killScopes), "*": z.string().max(256).optional() }),
      answer: z.object({ scope: z.enum(killScopes), name: z.string(), killed: z.boolean() }),
      async run({ actor, params, audited }) {
        const { scope, "*": name = "" } = params;
        return audited("kill-switch.lift", `${scope} ${name}`.trim(), async ({ killSwitches }) => {
          if (!(await killSwitches.lift(scope, name, Date.now(), actor.name)))
            throw new GatewayError("not_found", `No kill switch is set here for ${scope} '${name}'.`);
          return { result: { scope, name, killed: false }, before: { scope, name } };
        });
      },
    }),
  ),
];
