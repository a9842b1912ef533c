import type { Conditions, TimeCondition } from "@trunkline/contracts";
import { compileGlob } from "@trunkline/policies";
import { hasImages, hasTools, inputTokens, type RequestFacts } from "./request-facts.ts";

/** The first condition a request does not meet, in words; undefined when it meets all. */
export type ConditionTest = (facts: RequestFacts) => string | undefined;

type Member<Name extends keyof Conditions> = NonNullable<Conditions[Name]>;

function yesNo(wanted: boolean, isSo: boolean, what: string): string | undefined {
  return isSo === wanted ? undefined : `only for requests ${wanted ? "with" : "without"} ${what}`;
}

/** One test a condition, cheap ones first. Each is made only where the target names the condition. */
const tests: { readonly [Name in keyof Conditions]-?: (wanted: Member<Name>) => ConditionTest } = {
  dialects: (wanted) => (facts) =>
    wanted.includes(facts.dialect) ? undefined : `only for the dialect ${wanted.join(" or ")}`,
  stream: (wanted) => (facts) => yesNo(wanted, facts.stream, "a streamed answer"),
  keys(wanted) {
    const globs = wanted.map(compileGlob);
    return ({ key }) =>
      key && globs.some((matches) => matches(key.name) || matches(key.id))
        ? undefined
        : `only for the key ${wanted.join(" or ")}`;
  },
  headers(wanted) {
    const globs = Object.entries(wanted).map(([name, value]) => ({ name, value, matches: compileGlob(value) }));
    return ({ headers }) => {
      const missing = globs.find(({ name, matches }) => {
        const given = headers[name];
        return given === undefined || ![given].flat().some(matches);
      });
      return missing && `only with the header ${missing.name}: ${missing.value}`;
    };
  },
  time: (wanted) => (facts) => (isWithin(wanted, facts.now) ? undefined : `only ${timeText(wanted)}`),
  tools: (wanted) => (facts) => yesNo(wanted, hasTools(facts), "tools"),
  minInputTokens: (wanted) => (facts) => {
    const tokens = inputTokens(facts);
    return tokens >= wanted ? undefined : `only from ${wanted} input tokens on; this has about ${tokens}`;
  },
  maxInputTokens: (wanted) => (facts) => {
    const tokens = inputTokens(facts);
    return tokens <= wanted ? undefined : `only up to ${wanted} input tokens; this has about ${tokens}`;
  },
  images: (wanted) => (facts) => yesNo(wanted, hasImages(facts), "images"),
};

export function compileConditions(conditions: Conditions): ConditionTest {
  const made = Object.entries(tests).flatMap(([name, make]) => {
    const wanted = conditions[name as keyof Conditions];
    return wanted === undefined ? [] : [(make as (wanted: unknown) => ConditionTest)(wanted)];
  });
  return (facts) => {
    for (const test of made) {
      const unmet = test(facts);
      if (unmet !== undefined) return unmet;
    }
    return undefined;
  };
}

const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const minutesADay = 24 * 60;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Weekday (0 is Sunday) and minutes since midnight in a time zone. */
function wallClock(zone: string, at: number): { day: number; minutes: number } {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return { day: dayNames.indexOf(part["weekday"]!), minutes: Number(part["hour"]) * 60 + Number(part["minute"]) };
}

/** A span past midnight belongs to the day it begins on. */
function isWithin({ from, to, days, zone }: TimeCondition, at: number): boolean {
  const { day, minutes } = wallClock(zone, at);
  if (from < to) return days.includes(day) && minutes >= from && minutes < to;
  return (days.includes(day) && minutes >= from) || (days.includes((day + 6) % 7) && minutes < to);
}

function timeText({ from, to, days, zone }: TimeCondition): string {
  const clock = (minutes: number) =>
    `${String(Math.floor((minutes % minutesADay) / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  const on = days.length === 7 ? "" : ` on ${days.map((day) => dayNames[day]).join(", ")}`;
  return `from ${clock(from)} to ${clock(to)}${on} (${zone})`;
}
