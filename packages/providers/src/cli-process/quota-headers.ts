import type { QuotaWindow } from "@trunkline/contracts";

const names: Readonly<
  Record<string, { readonly status: string; readonly utilization: string; readonly reset: string }>
> = {
  five_hour: {
    status: "x-trunkline-quota-5h-status",
    utilization: "x-trunkline-quota-5h-utilization",
    reset: "x-trunkline-quota-5h-reset",
  },
  seven_day: {
    status: "x-trunkline-quota-7d-status",
    utilization: "x-trunkline-quota-7d-utilization",
    reset: "x-trunkline-quota-7d-reset",
  },
};

/** What of the account's plan is used up. */
export function quotaHeaders(windows: readonly QuotaWindow[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { type, status, utilization, resetsAt } of windows) {
    const name = names[type];
    if (name === undefined) continue;
    headers[name.status] = status;
    if (utilization !== null) headers[name.utilization] = utilization.toFixed(3);
    if (resetsAt !== null) headers[name.reset] = String(Math.round(resetsAt / 1000));
  }
  return headers;
}
