import { usualFallbacks, type Conditions, type Route, type RouteTarget } from "@trunkline/contracts";
import type { z } from "zod";
import { weekdayNumber, type routeSchema } from "./routing-schema.ts";

type RouteConfig = z.output<typeof routeSchema>;
type TargetConfig = Exclude<RouteConfig["targets"][number], string>;
type TimeConfig = NonNullable<TargetConfig["when"]["time"]>;

function minutes(clock: string): number {
  const [hours, rest] = clock.split(":").map(Number) as [number, number];
  return hours * 60 + rest;
}

function timeOf({ from, to, days, zone }: TimeConfig): Conditions["time"] {
  return { from: minutes(from), to: minutes(to), days: days.map(weekdayNumber), zone };
}

function conditionsOf(when: TargetConfig["when"]): Conditions {
  const { dialect, tools, images, stream, key, header, time } = when;
  return {
    ...(dialect === undefined ? {} : { dialects: dialect }),
    ...(tools === undefined ? {} : { tools }),
    ...(images === undefined ? {} : { images }),
    ...(stream === undefined ? {} : { stream }),
    ...(when.min_input_tokens === undefined ? {} : { minInputTokens: when.min_input_tokens }),
    ...(when.max_input_tokens === undefined ? {} : { maxInputTokens: when.max_input_tokens }),
    ...(key === undefined ? {} : { keys: key }),
    ...(header === undefined
      ? {}
      : { headers: Object.fromEntries(Object.entries(header).map(([name, value]) => [name.toLowerCase(), value])) }),
    ...(time === undefined ? {} : { time: timeOf(time) }),
  };
}

/** A route of the configuration in the form the planner takes. */
export function routeOf({ pattern, strategy, targets, fallback_on: shared }: RouteConfig): Route {
  return {
    pattern,
    strategy,
    targets: targets.map((entry): RouteTarget => {
      if (typeof entry === "string")
        return { target: entry, weight: 1, when: {}, fallbackOn: shared ?? usualFallbacks };
      return {
        target: entry.target,
        weight: entry.weight,
        when: conditionsOf(entry.when),
        fallbackOn: entry.fallback_on ?? shared ?? usualFallbacks,
      };
    }),
  };
}
