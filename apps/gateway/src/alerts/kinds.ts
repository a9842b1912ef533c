import type { AlertKind, AlertRule } from "@trunkline/contracts";

/** What each kind is reached at when its rule does not say, whether it is on from the start, and how long it is then quiet. */
const usual: Readonly<Record<AlertKind, { threshold: number | null; isEnabled: boolean; quietMinutes: number }>> = {
  budget_soft: { threshold: null, isEnabled: true, quietMinutes: 720 },
  budget_hard: { threshold: null, isEnabled: true, quietMinutes: 360 },
  /** Percent. */
  error_rate: { threshold: 20, isEnabled: true, quietMinutes: 30 },
  /** Minutes. */
  provider_down: { threshold: 1, isEnabled: true, quietMinutes: 60 },
  /** Percent. */
  quota_low: { threshold: 90, isEnabled: true, quietMinutes: 360 },
  /** Within an hour. */
  sign_in_failures: { threshold: 10, isEnabled: true, quietMinutes: 60 },
  /** Percent that are free. */
  disk_low: { threshold: 5, isEnabled: true, quietMinutes: 360 },
  /** USD. */
  daily_cost: { threshold: 10, isEnabled: false, quietMinutes: 1440 },
  /** Hour of the day, UTC. */
  daily_report: { threshold: 7, isEnabled: false, quietMinutes: 1200 },
};

export const usualThreshold = (kind: AlertKind): number | null => usual[kind].threshold;

export function thresholdOf({ kind, threshold }: Pick<AlertRule, "kind" | "threshold">): number {
  return threshold ?? usual[kind].threshold ?? 0;
}

/** The rule every kind has; what was changed of it is kept under its id. */
export function firstRules(): AlertRule[] {
  return Object.entries(usual).map(([kind, { isEnabled, quietMinutes }]) => ({
    id: `rule_${kind}`,
    kind: kind as AlertKind,
    isEnabled,
    threshold: null,
    channels: [],
    quietMinutes,
  }));
}

export const isFirstRule = (id: string): boolean => firstRules().some((rule) => rule.id === id);

/** All rules: each kind's own, as it was changed, and those that were added. */
export function allRules(kept: readonly AlertRule[]): AlertRule[] {
  const byId = new Map(kept.map((rule) => [rule.id, rule]));
  const first = firstRules().map((rule) => byId.get(rule.id) ?? rule);
  return [...first, ...kept.filter(({ id }) => !isFirstRule(id))];
}
