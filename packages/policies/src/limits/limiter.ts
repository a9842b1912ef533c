import type { BudgetAmount } from "@trunkline/contracts";
import { createBudgets, type BudgetLedger } from "./budgets.ts";
import { createMinuteWindows } from "./minute-windows.ts";
import { createPlaces } from "./places.ts";
import type { LimitAnswer, LimitQuestion, LimitRefusal, LimitReport, TokenState } from "./question.ts";
import { refusalText } from "./refusal-text.ts";

export type Limiter = {
  enter(question: LimitQuestion): LimitAnswer | Promise<LimitAnswer>;
  /** Gives back what `enter` granted under the id, with what was used in place of what was estimated; `unused` are reservations nobody will settle. */
  leave(
    id: string,
    used: { readonly inputTokens: number; readonly outputTokens: number },
    unused?: readonly BudgetAmount[],
  ): void;
  /** Those are still running: their places are kept for another while. */
  renew(ids: readonly string[], now: number): void;
  report(now: number): Promise<LimitReport[]>;
  close(): void;
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

  function tokensOf(subjects: LimitQuestion["subjects"], now: number): TokenState[] {
    const states: TokenState[] = [];
    for (const { name, rules } of subjects) for (const state of windows.tokens(name, rules, now)) states.push(state);
    return states;
  }

  return {
    enter(question) {
      const { id, subjects, now } = question;
      const refusal = enterNow(question);
      const tokens = tokensOf(subjects, now);
      if (refusal) return { granted: false, refusal, tokens };
      const wanted = subjects.filter(({ rules }) => rules.budgets.length > 0);
      if (wanted.length === 0) return { granted: true, reservations: [], warnings: [], tokens };
      const finish = (answer: Awaited<ReturnType<typeof budgets.reserve>>): LimitAnswer => {
        if (!answer.granted) undo(id);
        return { ...answer, tokens };
      };
      const answer = budgets.reserve(wanted, question);
      if (!(answer instanceof Promise)) return finish(answer);
      return answer.then(finish, (error: unknown) => {
        undo(id);
        throw error;
      });
    },
    leave(id, used, unused) {
      if (unused && unused.length > 0) budgets.release(unused);
      places.leave(id);
      windows.settle(id, used);
    },
    renew: places.renew,
    close: budgets.close,
    async report(now) {
      return [...places.report(now), ...windows.report(now), ...(await budgets.report(now))];
    },
  };
}
