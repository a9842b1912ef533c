import { failureClasses, strategies } from "@trunkline/contracts";
import { z } from "zod";
import { dialect } from "./provider-schema.ts";

const glob = z.string().min(1).max(256);
const seconds = z.number().nonnegative().max(86_400);
const fallbackOn = z
  .array(z.enum(failureClasses))
  .optional()
  .describe(
    "After which failures the next target is asked. Default: all but context_length and content_filter, which are the request's own.",
  );
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of day such as 08:30");
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

export const timeZone = z.string().refine((zone) => {
  try {
    Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}, "a time zone such as Europe/Berlin");

const conditions = z
  .strictObject({
    dialect: z.array(dialect).min(1).optional().describe("Dialects of the request."),
    tools: z.boolean().optional().describe("Whether the request offers tools."),
    images: z.boolean().optional().describe("Whether the request holds images."),
    stream: z.boolean().optional().describe("Whether a stream was asked for."),
    min_input_tokens: z.number().int().nonnegative().optional().describe("Estimated input tokens, at least."),
    max_input_tokens: z.number().int().positive().optional().describe("Estimated input tokens, at most."),
    key: z.array(glob).min(1).optional().describe("Globs over the key's name or id."),
    header: z.record(z.string().min(1), glob).optional().describe("Globs over headers' values, by name."),
    time: z
      .strictObject({
        from: clock.describe("Time of day it begins, such as 08:00."),
        to: clock.describe("Time of day it ends; earlier than `from` runs past midnight."),
        days: z
          .array(z.enum(weekdays))
          .min(1)
          .default([...weekdays])
          .describe("Days it begins on."),
        zone: timeZone.default("UTC").describe("Time zone, such as Europe/Berlin."),
      })
      .refine(({ from, to }) => from !== to, "`from` and `to` are the same time")
      .optional()
      .describe("Hours in which the target answers."),
  })
  .describe("When the target may answer; all that is named must hold.");

const target = z.strictObject({
  target: glob.describe(
    "`provider/model`. A `*` in it stands for what the pattern's `*` matched, `$1` for a regular expression's group.",
  ),
  weight: z
    .number()
    .nonnegative()
    .max(1_000_000)
    .default(1)
    .describe("Its share, where the strategy shares out; 0 only stands in when the others fail."),
  when: conditions.default({}),
  fallback_on: fallbackOn,
});

export const routeSchema = z.strictObject({
  pattern: glob.describe(
    "A model's name, a glob, or a regular expression between slashes (RE2). The first route that matches is followed.",
  ),
  strategy: z.enum(strategies).default("priority").describe("Which target is asked first."),
  fallback_on: fallbackOn,
  targets: z
    .array(z.union([glob, target]))
    .min(1)
    .max(64)
    .describe("Who may answer: `provider/model`, or an object that says more."),
});

export const retriesSchema = z
  .strictObject({
    attempts: z
      .number()
      .int()
      .nonnegative()
      .max(10)
      .default(2)
      .describe("Times a request is sent again when all its targets failed in a way that may pass."),
    first_wait_seconds: seconds.default(0.2).describe("The first wait before that; it doubles, and varies by half."),
    longest_wait_seconds: seconds
      .default(10)
      .describe("Longest wait. A vendor that asks for more is not waited for: the client is told."),
    budget_percent: z
      .number()
      .nonnegative()
      .max(100)
      .default(20)
      .describe("Retries as a share of requests, so that a vendor in trouble is not asked many times as often."),
  })
  .prefault({});

export const breakerSchema = z
  .strictObject({
    failures: z
      .number()
      .int()
      .positive()
      .max(1000)
      .default(10)
      .describe("Faults in a row after which a target is not asked for a while."),
    open_seconds: seconds.default(0.25).describe("That while; it doubles each time the target is found still broken."),
    longest_open_seconds: seconds.default(30).describe("The longest it becomes."),
  })
  .prefault({});

export const healthSchema = z
  .strictObject({
    probe_seconds: seconds
      .default(30)
      .describe(
        "How often a provider of which something rests is asked for its list of models, which costs no tokens; 0 for never.",
      ),
  })
  .prefault({});

export const cacheSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe("Answer the same request from memory. `Cache-Control: no-store` and `no-cache` rule it out."),
    scope: z
      .enum(["key", "shared"])
      .default("key")
      .describe("`key`: each key has answers of its own. `shared`: a key may get what another was answered."),
    ttl_seconds: z.number().positive().max(2_592_000).default(300).describe("How long an answer is given out."),
    max_mb: z
      .number()
      .positive()
      .max(65_536)
      .default(64)
      .describe("Memory for all answers, in MiB. Each worker process has so much."),
    max_entry_kb: z.number().positive().max(1_048_576).default(1024).describe("Longest answer that is kept, in KiB."),
  })
  .prefault({});

/** Sunday is 0. */
export function weekdayNumber(day: (typeof weekdays)[number]): number {
  return weekdays.indexOf(day);
}
