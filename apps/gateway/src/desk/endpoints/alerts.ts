import {
  alertChannelChange,
  alertChannelView,
  alertRuleChange,
  alertRuleView,
  alertView,
  channelTest,
  madeChannel,
  newAlertChannel,
  newAlertRule,
  pageOf,
  pageQuery,
  type AlertChannelView,
  type AlertRuleView,
} from "@trunkline/admin/api";
import { GatewayError, newId, type AlertChannel, type AlertRule } from "@trunkline/contracts";
import { z } from "zod";
import { maskedSettings, readSettings } from "../../alerts/channels.ts";
import { allRules, isFirstRule, usualThreshold } from "../../alerts/kinds.ts";
import { isMask } from "../../config/masked.ts";
import { isoTime } from "../../iso-time.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { badCursor, pageOfAll, pageOfFound } from "../page.ts";

const tag = "Alerts";
const byId = z.object({ id: z.string().max(64) });

function shownRule({ id, kind, isEnabled, threshold, channels, quietMinutes }: AlertRule): AlertRuleView {
  return {
    id,
    kind,
    enabled: isEnabled,
    threshold,
    usual: usualThreshold(kind),
    channels: [...channels],
    quiet_minutes: quietMinutes,
  };
}

function shownChannel(channel: AlertChannel): AlertChannelView {
  const { id, name, kind, isEnabled } = channel;
  return { id, name, kind, enabled: isEnabled, settings: maskedSettings(channel) };
}

export const alertEndpoints = [
  endpoint({
    method: "GET",
    path: "/alerts",
    tag,
    summary: "What was noticed, newest first, and whether those who are to know were told",
    scope: "alerts:read",
    query: pageQuery,
    answer: pageOf(alertView),
    async run({ gateway, query }) {
      const [at, id] = query.cursor?.split(" ") ?? [];
      if (query.cursor !== undefined && (!/^\d{1,16}$/.test(at ?? "") || !id)) throw badCursor();
      const before = id === undefined ? undefined : { at: Number(at), id };
      const found = await gateway.store.alerts.events(query.limit + 1, before);
      return pageOfFound(
        found,
        query.limit,
        (event) => `${event.at} ${event.id}`,
        ({ at: when, deliveries, ...rest }) => ({
          ...rest,
          time: isoTime(when),
          deliveries: Object.entries(deliveries).map(([channel, problem]) => ({ channel, problem })),
        }),
      );
    },
  }),
  endpoint({
    method: "GET",
    path: "/alert-rules",
    tag,
    summary: "What is watched",
    scope: "alerts:read",
    query: pageQuery,
    answer: pageOf(alertRuleView),
    run: async ({ gateway, query }) =>
      pageOfAll(allRules(await gateway.store.alerts.rules()).map(shownRule), query, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/alert-rules",
    tag,
    summary: "Watch the same for others, or from another threshold",
    scope: "alerts:write",
    body: newAlertRule,
    answer: alertRuleView,
    status: 201,
    async run({ body, audited }) {
      const rule: AlertRule = {
        id: newId("rule_"),
        kind: body.kind,
        isEnabled: body.enabled ?? true,
        threshold: body.threshold ?? null,
        channels: body.channels ?? [],
        quietMinutes: body.quiet_minutes ?? 60,
      };
      return audited("alert-rule.create", rule.id, async ({ alerts }) => {
        await alerts.putRule(rule);
        return { result: shownRule(rule), after: shownRule(rule) };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/alert-rules/{id}",
    tag,
    summary: "One rule",
    scope: "alerts:read",
    params: byId,
    answer: alertRuleView,
    async run({ gateway, params }) {
      const rule = allRules(await gateway.store.alerts.rules()).find(({ id }) => id === params.id);
      if (!rule) throw notFound("such rule");
      return shownRule(rule);
    },
  }),
  endpoint({
    method: "PATCH",
    path: "/alert-rules/{id}",
    tag,
    summary: "Change a rule; absent members stay",
    scope: "alerts:write",
    params: byId,
    body: alertRuleChange,
    answer: alertRuleView,
    needsMatch: true,
    async run({ params, body, audited, match }) {
      return audited("alert-rule.change", params.id, async ({ alerts }) => {
        const before = allRules(await alerts.rules()).find(({ id }) => id === params.id);
        if (!before) throw notFound("such rule");
        match(shownRule(before));
        const after: AlertRule = {
          ...before,
          isEnabled: body.enabled ?? before.isEnabled,
          threshold: body.threshold === undefined ? before.threshold : body.threshold,
          channels: body.channels ?? before.channels,
          quietMinutes: body.quiet_minutes ?? before.quietMinutes,
        };
        await alerts.putRule(after);
        return { result: shownRule(after), before: shownRule(before), after: shownRule(after) };
      });
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/alert-rules/{id}",
    tag,
    summary: "Remove a rule that was added; one that is always there is switched off instead",
    scope: "alerts:write",
    params: byId,
    status: 204,
    needsMatch: true,
    async run({ params, audited, match }) {
      if (isFirstRule(params.id))
        throw new GatewayError("conflict", "This rule is always there. Switch it off: `enabled: false`.");
      await audited("alert-rule.delete", params.id, async ({ alerts }) => {
        const before = (await alerts.rules()).find(({ id }) => id === params.id);
        if (!before) throw notFound("such rule");
        match(shownRule(before));
        await alerts.removeRule(params.id);
        return { result: undefined, before: shownRule(before) };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/alert-channels",
    tag,
    summary: "Where alerts are told; secrets are masked",
    scope: "alerts:read",
    query: pageQuery,
    answer: pageOf(alertChannelView),
    run: async ({ gateway, query }) =>
      pageOfAll((await gateway.store.alerts.channels()).map(shownChannel), query, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/alert-channels",
    tag,
    summary:
      "Add a webhook (`url`), Slack, Discord or Teams (`url`), or e-mail (`to`, `from`, `host`, `port`, `user`, `password`)",
    scope: "alerts:write",
    body: newAlertChannel,
    answer: madeChannel,
    status: 201,
    async run({ body, audited }) {
      const channel: AlertChannel = {
        id: newId("chan_"),
        name: body.name,
        kind: body.kind,
        isEnabled: body.enabled,
        settings: readSettings(body.kind, body.settings),
      };
      return audited("alert-channel.create", channel.id, async ({ alerts }) => {
        await alerts.putChannel(channel);
        const shown = shownChannel(channel);
        const secret = body.kind === "webhook" ? channel.settings["secret"]! : null;
        return { result: { channel: shown, secret }, after: shown };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/alert-channels/{id}",
    tag,
    summary: "One channel",
    scope: "alerts:read",
    params: byId,
    answer: alertChannelView,
    async run({ gateway, params }) {
      const channel = (await gateway.store.alerts.channels()).find(({ id }) => id === params.id);
      if (!channel) throw notFound("such channel");
      return shownChannel(channel);
    },
  }),
  endpoint({
    method: "PATCH",
    path: "/alert-channels/{id}",
    tag,
    summary: "Change a channel; settings that are masked stay",
    scope: "alerts:write",
    params: byId,
    body: alertChannelChange,
    answer: alertChannelView,
    needsMatch: true,
    async run({ params, body, audited, match }) {
      return audited("alert-channel.change", params.id, async ({ alerts }) => {
        const before = (await alerts.channels()).find(({ id }) => id === params.id);
        if (!before) throw notFound("such channel");
        match(shownChannel(before));
        const given = Object.entries(body.settings ?? {}).filter(([, value]) => !isMask(value));
        const after: AlertChannel = {
          ...before,
          name: body.name ?? before.name,
          isEnabled: body.enabled ?? before.isEnabled,
          settings: readSettings(before.kind, { ...before.settings, ...Object.fromEntries(given) }),
        };
        await alerts.putChannel(after);
        return { result: shownChannel(after), before: shownChannel(before), after: shownChannel(after) };
      });
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/alert-channels/{id}",
    tag,
    summary: "Remove a channel",
    scope: "alerts:write",
    params: byId,
    status: 204,
    needsMatch: true,
    async run({ params, audited, match }) {
      await audited("alert-channel.delete", params.id, async ({ alerts }) => {
        const before = (await alerts.channels()).find(({ id }) => id === params.id);
        if (!before) throw notFound("such channel");
        match(shownChannel(before));
        await alerts.removeChannel(params.id);
        return { result: undefined, before: shownChannel(before) };
      });
    },
  }),
  endpoint({
    method: "POST",
    path: "/alert-channels/{id}/test",
    tag,
    summary: "Send a message that says it is a test",
    scope: "alerts:write",
    params: byId,
    answer: channelTest,
    async run({ gateway, params }) {
      const channel = (await gateway.store.alerts.channels()).find(({ id }) => id === params.id);
      if (!channel) throw notFound("such channel");
      const problem = await gateway.alerts.test(channel);
      return { ok: problem === null, problem };
    },
  }),
];
