import { budgetPeriods, noLimits, type Budget, type Key } from "@trunkline/contracts";
import type { Command } from "commander";
import { requestsADay } from "../config/limits-schema.ts";
import { timeZone } from "../config/routing-schema.ts";
import { amountOf } from "../limits/amounts.ts";
import { CommandError, exitCodes } from "./context.ts";

/** What a command line says of a key's limits; absent members leave what there is. */
export type LimitOptions = {
  readonly user?: string;
  readonly group?: string;
  readonly rpm?: string;
  readonly rpd?: string;
  readonly tpm?: string;
  readonly inputTpm?: string;
  readonly outputTpm?: string;
  readonly concurrent?: string;
  readonly budget?: readonly string[];
  readonly zone?: string;
};

export function addLimitOptions(command: Command): Command {
  return command
    .option("--user <name>", "whose it is; none for nobody's")
    .option("--group <name>", "which group's it is; none for no group's")
    .option("--rpm <count>", "requests a minute; none for as many as come")
    .option("--rpd <count>", "requests a day")
    .option("--tpm <count>", "tokens a minute")
    .option("--input-tpm <count>", "input tokens a minute")
    .option("--output-tpm <count>", "output tokens a minute")
    .option("--concurrent <count>", "requests at once")
    .option(
      "--budget <usd/period...>",
      "money, as 5/day, 20/month or 1/rolling-hour; 5/day:4 warns from 4 on; none for no budget",
    )
    .option("--zone <zone>", "time zone of its days, such as Europe/Berlin");
}

/** A whole number, or null for `none`; undefined leaves what there is. */
export function parseCount(name: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === "none") return null;
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1 || count > 1_000_000_000)
    throw new CommandError(`--${name} takes a whole number from 1 on, or none, not '${text}'.`, exitCodes.usage);
  return count;
}

const budgetForm = /^(\d+(?:\.\d+)?)\/(rolling-)?([a-z]+)(?::(\d+(?:\.\d+)?))?$/;

function parseBudget(text: string, zone: string): Budget {
  const match = budgetForm.exec(text);
  const per = budgetPeriods.find((period) => period === match?.[3]);
  const amount = match ? amountOf(Number(match[1])) : 0;
  const soft = match?.[4] === undefined ? null : amountOf(Number(match[4]));
  if (!match || per === undefined || amount <= 0 || (soft !== null && soft > amount))
    throw new CommandError(
      `--budget takes an amount in USD and one of ${budgetPeriods.join(", ")}, as 5/day, 5/day:4 (which warns from 4 on) or 1/rolling-hour, not '${text}'.`,
      exitCodes.usage,
    );
  return { unit: "usd", amount, softAmount: soft, per, isRolling: match[2] !== undefined, zone };
}

function parseZone(text: string | undefined, before: readonly Budget[]): string {
  if (text === undefined) return before[0]?.zone ?? "UTC";
  if (timeZone.safeParse(text).success) return text;
  throw new CommandError(`--zone takes a time zone such as Europe/Berlin, not '${text}'.`, exitCodes.usage);
}

/** The limits there were, changed as the command line says. */
export function parseLimits(options: LimitOptions, before: Key["limits"] = noLimits): Key["limits"] {
  const zone = parseZone(options.zone, before.budgets);
  const rpd = parseCount("rpd", options.rpd);
  const requests = before.budgets.filter(({ unit }) => unit === "requests");
  const money = before.budgets.filter(({ unit }) => unit === "usd");
  const budgets = [
    ...(rpd === undefined ? requests : rpd === null ? [] : [requestsADay(rpd, zone)]),
    ...(options.budget === undefined
      ? money
      : options.budget.filter((text) => text !== "none").map((text) => parseBudget(text, zone))),
  ];
  const either = (given: number | null | undefined, kept: number | null) => (given === undefined ? kept : given);
  return {
    tpm: either(parseCount("tpm", options.tpm), before.tpm),
    inputTpm: either(parseCount("input-tpm", options.inputTpm), before.inputTpm),
    outputTpm: either(parseCount("output-tpm", options.outputTpm), before.outputTpm),
    concurrent: either(parseCount("concurrent", options.concurrent), before.concurrent),
    budgets: options.zone === undefined ? budgets : budgets.map((budget) => ({ ...budget, zone })),
  };
}

export function parseName(name: string, text: string | undefined): string | null | undefined {
  if (text === undefined) return undefined;
  if (text === "none" || text === "") return null;
  if (text.length > 100) throw new CommandError(`--${name} takes at most 100 characters.`, exitCodes.usage);
  return text;
}
