import { asNumber, asObject, asString, type JsonObject, type QuotaWindow } from "@trunkline/contracts";

/** Windows are told by their length in minutes. */
const names: Readonly<Record<number, string>> = { 300: "five_hour", 1440: "one_day", 10_080: "seven_day" };

function windowOf(given: JsonObject | undefined, fallback: string, reached: boolean, now: number): QuotaWindow[] {
  const percent = asNumber(given?.["usedPercent"]);
  if (!given || percent === undefined) return [];
  const resets = asNumber(given["resetsAt"]);
  const minutes = asNumber(given["windowDurationMins"]);
  return [
    {
      type: (minutes === undefined ? undefined : names[minutes]) ?? fallback,
      status: reached || percent >= 100 ? "rejected" : percent >= 90 ? "allowed_warning" : "allowed",
      utilization: percent / 100,
      resetsAt: resets === undefined ? null : resets * 1000,
      isUsingOverage: false,
      overageStatus: null,
      overageResetsAt: null,
      overageDisabledReason: null,
      observedAt: now,
    },
  ];
}

/** A rate-limit snapshot, as `account/rateLimits/read` and `/updated` give it. */
export function quotaOfSnapshot(snapshot: JsonObject, now: number): QuotaWindow[] {
  const reached = asString(snapshot["rateLimitReachedType"]);
  const primary = asObject(snapshot["primary"]);
  const secondary = asObject(snapshot["secondary"]);
  // The type does not say which window it is: the fuller one.
  const fuller =
    (asNumber(secondary?.["usedPercent"]) ?? 0) > (asNumber(primary?.["usedPercent"]) ?? 0) ? secondary : primary;
  return [
    ...windowOf(primary, "five_hour", reached !== undefined && fuller === primary, now),
    ...windowOf(secondary, "seven_day", reached !== undefined && fuller === secondary, now),
  ];
}
