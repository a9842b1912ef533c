import type { Budget, BudgetPeriod } from "@trunkline/contracts";

/** The stretch of time a budget counts in now. Milliseconds since the epoch. */
export type BudgetWindow = {
  /** What was used from here on counts. */
  readonly since: number;
  /** Where what is used now is booked. */
  readonly slot: number;
  /** When the calendar's stretch ends, or when a rolling one is empty at the latest. */
  readonly until: number;
  /** Length of a rolling stretch's slots; null where the whole stretch is one. */
  readonly slotMs: number | null;
};

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Length of rolling stretches, and of the slots they move on by. */
const rolling: Readonly<Record<BudgetPeriod, { readonly ms: number; readonly slotMs: number }>> = {
  hour: { ms: hour, slotMs: minute },
  day: { ms: day, slotMs: 30 * minute },
  week: { ms: 7 * day, slotMs: 4 * hour },
  month: { ms: 30 * day, slotMs: 12 * hour },
};

/**
 * A rolling stretch moves on by whole slots and keeps the oldest until all of it has passed, so that no moment ever sees more than the
 * budget. A calendar's day is as long as the clock makes it: 23 or 25 hours when daylight saving begins or ends.
 */
export function budgetWindow(budget: Budget, now: number): BudgetWindow {
  // A calendar takes longer to ask than all else a request does here.
  const last = lastWindows.get(budget);
  if (last && now >= last.slot && now < last.slotUntil) return last;
  const window = windowAt(budget, now);
  lastWindows.set(budget, window);
  return window;
}

const lastWindows = new WeakMap<Budget, BudgetWindow & { readonly slotUntil: number }>();

function windowAt({ per, isRolling, zone }: Budget, now: number): BudgetWindow & { readonly slotUntil: number } {
  if (isRolling) {
    const { ms, slotMs } = rolling[per];
    const slot = Math.floor(now / slotMs) * slotMs;
    return { since: slot - ms, slot, until: slot + slotMs + ms, slotMs, slotUntil: slot + slotMs };
  }
  const here = Temporal.Instant.fromEpochMilliseconds(Math.floor(now)).toZonedDateTimeISO(zone);
  const begin = beginningOf(per, here);
  const since = begin.epochMilliseconds;
  const until = endOf(per, begin);
  return { since, slot: since, until, slotMs: null, slotUntil: until };
}

function beginningOf(per: BudgetPeriod, here: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  // By rounding, which keeps the offset: the hour that comes twice in autumn is two hours.
  if (per === "hour") return here.round({ smallestUnit: "hour", roundingMode: "floor" });
  const today = here.startOfDay();
  if (per === "day") return today;
  return per === "week"
    ? today.subtract({ days: today.dayOfWeek - 1 }).startOfDay()
    : today.with({ day: 1 }).startOfDay();
}

function endOf(per: BudgetPeriod, begin: Temporal.ZonedDateTime): number {
  const next = begin.add({ [`${per}s`]: 1 });
  return (per === "hour" ? next : next.startOfDay()).epochMilliseconds;
}
