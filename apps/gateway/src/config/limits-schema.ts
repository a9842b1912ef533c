import { budgetPeriods, noLimits, type Budget, type LimitRules } from "@trunkline/contracts";
import { z } from "zod";
import { amountOf } from "../limits/amounts.ts";
import { timeZone } from "./routing-schema.ts";

const count = z.number().int().positive().max(1_000_000_000);
const glob = z.string().min(1).max(256);
const dollars = z.number().positive().max(1_000_000);

const budget = z
  .strictObject({
    usd: dollars.describe("USD. Reached, the next request is refused."),
    per: z.enum(budgetPeriods).describe("How long it lasts."),
    soft_usd: dollars.optional().describe("From here on answers carry a warning."),
    rolling: z.boolean().default(false).describe("The last hour, 24 hours, 7 or 30 days, instead of the calendar's."),
    zone: timeZone.default("UTC").describe("Time zone of the calendar, such as Europe/Berlin. Weeks begin on Monday."),
  })
  .refine(({ usd, soft_usd: soft }) => soft === undefined || soft <= usd, "`soft_usd` is more than `usd`");

const whose = ["key", "user", "group", "provider", "model"] as const;

export const limitSchema = z
  .strictObject({
    key: glob.optional().describe("Keys, by a glob over name or id. Each key that matches has a count of its own."),
    user: glob.optional().describe("Users of keys, by a glob; each has a count of its own."),
    group: glob.optional().describe("Groups of keys, by a glob; each has a count of its own."),
    provider: glob.optional().describe("Providers, by a glob; each has a count of its own."),
    model: glob
      .optional()
      .describe("Models, by a glob over names and `provider/model`; all that match count together."),
    rpm: count.optional().describe("Requests a minute."),
    rpd: count.optional().describe("Requests a day."),
    tpm: count.optional().describe("Tokens a minute, input and output together."),
    input_tpm: count.optional().describe("Input tokens a minute."),
    output_tpm: count.optional().describe("Output tokens a minute."),
    concurrent: count.optional().describe("Requests at once."),
    budgets: z.array(budget).max(16).default([]).describe("Money."),
  })
  .refine(
    (entry) => whose.filter((name) => entry[name] !== undefined).length === 1,
    `name exactly one of ${whose.join(", ")}`,
  );

export type LimitConfig = z.output<typeof limitSchema>;
export type LimitScope = (typeof whose)[number];

/** Whose a limit is, and the glob that says which of them. */
export function scopeOf(entry: LimitConfig): { scope: LimitScope; glob: string } {
  const scope = whose.find((name) => entry[name] !== undefined)!;
  return { scope, glob: entry[scope]! };
}

export function requestsADay(amount: number, zone = "UTC"): Budget {
  return { unit: "requests", amount, softAmount: null, per: "day", isRolling: false, zone };
}

export function rulesOf(entry: LimitConfig): LimitRules {
  const budgets = entry.budgets.map(({ usd, soft_usd: soft, per, rolling, zone }): Budget => {
    return {
      unit: "usd",
      amount: amountOf(usd),
      softAmount: soft === undefined ? null : amountOf(soft),
      per,
      isRolling: rolling,
      zone,
    };
  });
  return {
    ...noLimits,
    rpm: entry.rpm ?? null,
    tpm: entry.tpm ?? null,
    inputTpm: entry.input_tpm ?? null,
    outputTpm: entry.output_tpm ?? null,
    concurrent: entry.concurrent ?? null,
    budgets: entry.rpd === undefined ? budgets : [requestsADay(entry.rpd), ...budgets],
  };
}
