import { killScopes } from "@trunkline/contracts";
import { z } from "zod";
import { time, timeOrNull } from "./common.ts";
import { quotaView } from "./statistics.ts";

export const accountView = z.object({
  name: z.string(),
  state: z.enum(["ready", "resting", "signed-out"]),
  reason: z.string().nullable(),
  until: timeOrNull,
  quota: z.array(quotaView),
});

export const restView = z
  .object({
    provider: z.string(),
    model: z.string().nullable(),
    state: z.string(),
    since: time,
    until: time,
    code: z.string(),
    reason: z.string(),
    asked_when_alone: z.boolean(),
  })
  .meta({ id: "RestingTarget" });
export type RestView = z.output<typeof restView>;

export const providerView = z
  .object({
    name: z.string(),
    kind: z.string(),
    family: z.string(),
    status: z.enum(["ok", "resting", "signed-out", "off", "unavailable"]),
    problem: z.string().nullable(),
    program: z.string().nullable(),
    sign_in: z.enum(["oauth", "credential", "program"]).nullable().describe("How one signs in to it; null where not."),
    queue: z.object({ active: z.number(), waiting: z.number() }).nullable(),
    accounts: z.array(accountView),
    resting: z.array(restView),
    killed: z.string().nullable().describe("Why it is switched off; null while it is not."),
    last_probe: z.object({ at: timeOrNull, ok: z.boolean(), problem: z.string().nullable() }).nullable(),
    capabilities: z.record(z.string(), z.unknown()),
    configured: z.boolean().describe("Named in the configuration file, rather than found."),
  })
  .meta({ id: "Provider" });
export type ProviderView = z.output<typeof providerView>;

export const providerTest = z
  .object({
    ok: z.boolean(),
    models: z.int().nullable(),
    duration_ms: z.number(),
    problem: z.string().nullable(),
  })
  .meta({ id: "ProviderTest" });
export type ProviderTest = z.output<typeof providerTest>;

export const newAccount = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]*$/i, "letters, digits, '.', '_' and '-'")
      .max(64),
    plan_limits_only: z.boolean().default(false).describe("Never spend beyond the plan."),
  })
  .meta({ id: "NewAccount" });

export const madeAccount = z
  .object({ name: z.string(), sign_in_command: z.string().describe("What to run to sign it in.") })
  .meta({ id: "MadeAccount" });

export const modelView = z
  .object({
    id: z.string(),
    provider: z.string(),
    aliases: z.array(z.string()),
    price: z
      .object({
        input: z.number().nullable(),
        output: z.number().nullable(),
        cache_read: z.number().nullable(),
        own: z.boolean().describe("From the configuration, not the built-in list."),
      })
      .nullable()
      .describe("USD per million tokens; null when not known."),
    capabilities: z.record(z.string(), z.unknown()),
    context: z.number().nullable(),
    killed: z.boolean(),
  })
  .meta({ id: "Model" });
export type ModelView = z.output<typeof modelView>;

export const switchView = z
  .object({
    scope: z.enum(killScopes),
    name: z.string(),
    reason: z.string(),
    since: time,
    by: z.string(),
    lifted: timeOrNull,
    lifted_by: z.string().nullable(),
  })
  .meta({ id: "KillSwitch" });
export type SwitchView = z.output<typeof switchView>;
export const newSwitch = z
  .strictObject({
    scope: z.enum(killScopes),
    name: z.string().max(256).default("").describe("Empty for everything."),
    reason: z.string().max(500).default(""),
  })
  .meta({ id: "NewKillSwitch" });
