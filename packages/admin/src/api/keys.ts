import { budgetPeriods } from "@trunkline/contracts";
import { z } from "zod";
import { name, notes, time, timeOrNull } from "./common.ts";

const count = z.int().positive().max(1_000_000_000);
const dollars = z.number().positive().max(1_000_000);
const zone = z
  .string()
  .max(64)
  .refine((text) => isZone(text), "is no time zone such as Europe/Berlin");

function isZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

export const budget = z
  .object({
    usd: dollars,
    per: z.enum(budgetPeriods),
    soft_usd: dollars.nullable().default(null).describe("From here on answers carry a warning."),
    rolling: z.boolean().default(false),
    zone: zone.default("UTC"),
  })
  .refine(({ usd, soft_usd: soft }) => soft === null || soft <= usd, "`soft_usd` is more than `usd`");
export type BudgetView = z.output<typeof budget>;

const limits = {
  models: z.array(z.string().min(1).max(256)).max(1000).describe("Globs over models; empty allows all."),
  rpm: count.nullable().describe("Requests a minute."),
  rpd: count.nullable().describe("Requests a day."),
  tpm: count.nullable().describe("Tokens a minute."),
  input_tpm: count.nullable(),
  output_tpm: count.nullable(),
  concurrent: count.nullable().describe("Requests at once."),
  budgets: z.array(budget).max(16),
};
const owner = {
  user: name.nullable().describe("Whose it is."),
  group: name.nullable(),
  notes,
  expires: timeOrNull,
};

export const keyView = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string().describe("First characters of the secret; the rest is not kept."),
    state: z.enum(["active", "expired", "revoked"]),
    created: time,
    ...owner,
    ...limits,
  })
  .meta({ id: "Key" });
export type KeyView = z.output<typeof keyView>;

const changeable = { ...owner, ...limits };
export const newKey = z.strictObject({ name, ...z.object(changeable).partial().shape }).meta({ id: "NewKey" });
export type NewKey = z.output<typeof newKey>;
export const keyChange = z
  .strictObject({ name, ...changeable })
  .partial()
  .meta({ id: "KeyChange" });
export type KeyChangeInput = z.output<typeof keyChange>;

export const madeKey = z
  .object({ key: keyView, secret: z.string().describe("Shown this once.") })
  .meta({ id: "MadeKey" });
export type MadeKey = z.output<typeof madeKey>;

export const rotation = z.strictObject({
  grace_seconds: z
    .int()
    .min(0)
    .max(90 * 86_400)
    .default(0)
    .describe("How long the old secret works on."),
});

export const limitView = z
  .object({
    subject: z.string().describe("Whose: `key:<id>`, `user:<name>`, `group:…`, `provider:…`, `model:…`."),
    limit: z.string(),
    used: z.string(),
    most: z.string(),
    state: z.enum(["ok", "soft", "reached"]),
    share: z.number().describe("Used part, 0 to 1 and more."),
    remaining_usd: z.number().nullable().describe("What is left of a budget."),
    resets: timeOrNull,
  })
  .meta({ id: "Limit" });
export type LimitView = z.output<typeof limitView>;
