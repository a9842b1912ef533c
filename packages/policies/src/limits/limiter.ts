import { createBudgets, type BudgetLedger } from "./budgets.ts";
import { createMinuteWindows } from "./minute-windows.ts";
import { createPlaces } from "./places.ts";
import type { LimitAnswer, LimitQuestion, LimitRefusal, LimitReport } from "./question.ts";
import { refusalText } from "./refusal-text.ts";

export type Limiter = {
  enter(question: LimitQuestion): LimitAnswer | Promise<LimitAnswer>;
  /** Gives back what `enter` granted under the id, with what was used in place of what was estimated. */
  leave(id: string, used: { readonly inputTokens: number; readonly outputTokens: number }): void;
  /** Those are still running: their places are kept for another while. */
  renew(ids: readonly string[], now: number): void;
  report(now: number): Promise<LimitReport[]>;
};

/** Counts for one process, or for all of them in the one that keeps the count. */
export function createLimiter(ledger: BudgetLedger): Limiter {
  const windows = createMinuteWindows();
  const places = createPlaces();
  const budgets = createBudgets(ledger);

  function undo(id: string): void {
    places.leave(id);
    windows.forget(id);
  }

  /** The limits of the minute and of the moment: known at once. */
  function enterNow({ id, subjects, inputTokens, outputTokens, now }: LimitQuestion): LimitRefusal | undefined {
    for (const { name, label, rules } of subjects) {
      const full = places.enter(id, name, rules.concurrent, now);
      const spent = full ? undefined : windows.look(name, rules, now);
      if (full || spent) {
        undo(id);
        const until = spent?.until ?? null;
        const message = refusalText(
          label,
          spent?.what ?? `runs ${rules.concurrent} requests at once already`,
          until,
          now,
        );
        return { subject: name, code: "rate_limited", message, until };
      }
    }
    for (const { name } of subjects) windows.take(id, name, { inputTokens, outputTokens }, now);
    return undefined;
  }

  return {
    enter(question) {
      const { id, subjects, now } = question;
      const refusal = enterNow(question);
      const tokens = subjects.flatMap(({ name, rules }) => windows.tokens(name, rules, now));
      if (refusal) return { granted: false, refusal, tokens };
      const wanted = subjects.filter(({ rules }) => rules.budgets.length > 0);
      if (wanted.length === 0) return { granted: true, reservations: [], warnings: [], tokens };
      return budgets.reserve(wanted, question).then(
        (answer): LimitAnswer => {
          if (answer.granted) return { ...answer, tokens };
          undo(id);
          return { ...answer, tokens };
        },
        (error: unknown) => {
          undo(id);
          throw error;
        },
      );
    },
    leave(id, used) {
      places.leave(id);
      windows.settle(id, used);
    },
    renew: places.renew,
    async report(now) {
      return [...places.report(now), ...windows.report(now), ...(await budgets.report(now))];
    },
  };
}
