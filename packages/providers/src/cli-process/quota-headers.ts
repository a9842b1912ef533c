import type { QuotaWindow } from "@trunkline/contracts";

const words: Readonly<Record<string, string>> = { five_hour: "5h", seven_day: "7d" };

/** What of the account's plan is used up, as Anthropic's own API words it for its subscriptions. */
export function quotaHeaders(windows: readonly QuotaWindow[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { type, status, utilization, resetsAt } of windows) {
    const window = words[type];
    if (window === undefined) continue;
    const name = `x-trunkline-quota-${window}`;
    headers[`${name}-status`] = status;
    if (utilization !== null) headers[`${name}-utilization`] = utilization.toFixed(3);
    if (resetsAt !== null) headers[`${name}-reset`] = String(Math.round(resetsAt / 1000));
  }
  return headers;
}
