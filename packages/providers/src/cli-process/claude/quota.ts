import { asBoolean, asNumber, asObject, asString, type JsonObject, type QuotaWindow } from "@trunkline/contracts";

const statuses = new Set(["allowed", "allowed_warning", "rejected"]);

function epochMs(value: unknown): number | null {
  const seconds = asNumber(value);
  return seconds === undefined ? null : seconds * 1000;
}

/** A `rate_limit_event`: what the vendor told with the answer. */
export function quotaOfEvent(event: JsonObject, now: number): QuotaWindow[] {
  const info = asObject(event["rate_limit_info"]);
  if (!info) return [];
  const status = asString(info["status"]) ?? "";
  const utilization = asNumber(info["utilization"]);
  return [
    {
      type: asString(info["rateLimitType"]) ?? "five_hour",
      status: statuses.has(status) ? (status as QuotaWindow["status"]) : "allowed",
      utilization: utilization ?? null,
      resetsAt: epochMs(info["resetsAt"]),
      isUsingOverage: asBoolean(info["isUsingOverage"]) ?? false,
      overageStatus: asString(info["overageStatus"]) ?? null,
      overageResetsAt: epochMs(info["overageResetsAt"]),
      overageDisabledReason: asString(info["overageDisabledReason"]) ?? null,
      observedAt: now,
    },
  ];
}

/** The answer to `get_usage`: every window of the plan. Empty for an account without one. */
export function quotaOfUsage(usage: JsonObject, now: number): QuotaWindow[] {
  const limits = asObject(usage["rate_limits"]) ?? {};
  return Object.entries(limits).flatMap(([type, given]) => {
    const window = asObject(given);
    const percent = asNumber(window?.["utilization"]);
    if (!window || percent === undefined) return [];
    const resets = Date.parse(asString(window["resets_at"]) ?? "");
    return [
      {
        type,
        status: percent >= 100 ? ("rejected" as const) : ("allowed" as const),
        utilization: percent / 100,
        resetsAt: Number.isNaN(resets) ? null : resets,
        isUsingOverage: false,
        overageStatus: null,
        overageResetsAt: null,
        overageDisabledReason: null,
        observedAt: now,
      },
    ];
  });
}
