import { alertKinds, channelKinds } from "@trunkline/contracts";
import { z } from "zod";
import { name, time } from "./common.ts";

export const alertRuleView = z
  .object({
    id: z.string(),
    kind: z.enum(alertKinds),
    enabled: z.boolean(),
    threshold: z.number().nullable().describe("In the kind's unit; null is its usual one."),
    usual: z.number().nullable().describe("The usual one; null where there is none."),
    channels: z.array(z.string()).describe("Ids; empty is all of them."),
    quiet_minutes: z.int(),
  })
  .meta({ id: "AlertRule" });
export type AlertRuleView = z.output<typeof alertRuleView>;
const rule = {
  enabled: z.boolean(),
  threshold: z.number().nonnegative().max(1e12).nullable(),
  channels: z.array(z.string().max(64)).max(100),
  quiet_minutes: z.int().min(0).max(100_000),
};
export const newAlertRule = z
  .strictObject({ kind: z.enum(alertKinds), ...z.object(rule).partial().shape })
  .meta({ id: "NewAlertRule" });
export const alertRuleChange = z.strictObject(rule).partial().meta({ id: "AlertRuleChange" });

export const alertChannelView = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(channelKinds),
    enabled: z.boolean(),
    settings: z.record(z.string(), z.string()).describe("Secrets are shown by their first characters."),
  })
  .meta({ id: "AlertChannel" });
export type AlertChannelView = z.output<typeof alertChannelView>;
const settings = z.record(z.string().max(40), z.string().max(2000));
export const newAlertChannel = z
  .strictObject({ name, kind: z.enum(channelKinds), enabled: z.boolean().default(true), settings })
  .meta({ id: "NewAlertChannel" });
export const alertChannelChange = z
  .strictObject({ name, enabled: z.boolean(), settings })
  .partial()
  .meta({ id: "AlertChannelChange" });
export const madeChannel = z
  .object({
    channel: alertChannelView,
    secret: z.string().nullable().describe("What a webhook's signatures are checked with; shown this once."),
  })
  .meta({ id: "MadeAlertChannel" });
export const channelTest = z.object({ ok: z.boolean(), problem: z.string().nullable() }).meta({ id: "ChannelTest" });
export type ChannelTest = z.output<typeof channelTest>;

export const alertView = z
  .object({
    id: z.string(),
    kind: z.enum(alertKinds),
    subject: z.string(),
    title: z.string(),
    text: z.string(),
    time,
    deliveries: z.array(z.object({ channel: z.string(), problem: z.string().nullable() })),
  })
  .meta({ id: "Alert" });
export type AlertView = z.output<typeof alertView>;
