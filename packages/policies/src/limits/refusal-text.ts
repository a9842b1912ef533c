import type { Budget } from "@trunkline/contracts";

/** What a refused client is told: who is limited by what, and until when. */
export function refusalText(label: string, what: string, until: number | null, now: number): string {
  const when =
    until === null
      ? "Wait until one has ended."
      : until - now <= 90_000
        ? `Try again in ${Math.max(1, Math.ceil((until - now) / 1000))} s.`
        : `It begins anew at ${new Date(until).toISOString()}.`;
  return `${label} ${what}. ${when}`;
}

export function amountText(unit: Budget["unit"], amount: number): string {
  return unit === "requests" ? `${amount} requests` : `$${(amount / 1e9).toFixed(amount < 10_000_000 ? 6 : 2)}`;
}

export function budgetText({ unit, amount, per, isRolling }: Budget): string {
  return `${amountText(unit, amount)} a ${isRolling ? "rolling " : ""}${per}`;
}
