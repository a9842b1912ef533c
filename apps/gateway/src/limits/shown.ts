import type { LimitReport } from "@trunkline/policies";
import { isoTime } from "../iso-time.ts";

/** Most limits shown at once; those nearest to their end come first. */
const mostShown = 500;

export function nearestToTheirEnd(reports: readonly LimitReport[]): LimitReport[] {
  return reports.toSorted((a, b) => b.share - a.share).slice(0, mostShown);
}

/** A limit's state as health shows it. */
export function shownLimits(reports: readonly LimitReport[]): object[] {
  return nearestToTheirEnd(reports).map(({ resetsAt, share, remainingUsd, ...report }) => ({
    ...report,
    remaining_usd: remainingUsd,
    share: Math.round(share * 1000) / 1000,
    resets: isoTime(resetsAt),
  }));
}
