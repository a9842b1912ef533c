import type { Budget, Reservation } from "@trunkline/contracts";
import { LRUCache } from "lru-cache";
import { budgetWindow, type BudgetWindow } from "./budget-window.ts";
import type { LimitQuestion, LimitRefusal, LimitReport, LimitSubject } from "./question.ts";
import { amountText, budgetText, refusalText } from "./refusal-text.ts";

/** One wish of one request. Times are milliseconds since the epoch. */
export type BudgetWish = {
  readonly budget: string;
  readonly since: number;
  readonly slot: number;
  readonly limit: number;
  readonly amount: number;
};

/** The port budgets need: sets amounts aside so that they outlive the process, for all processes beside the database. */
export type BudgetLedger = {
  reserve(
    requests: readonly (readonly BudgetWish[])[],
    now: number,
  ): Promise<readonly { readonly granted: boolean; readonly used: readonly number[] }[]>;
  read(
    budgets: readonly { readonly budget: string; readonly since: number }[],
  ): Promise<readonly { readonly spent: number; readonly reserved: number }[]>;
  /** Called before a budget is used for the first time: what was used before it was set counts too. */
  prepare(id: string, subject: string, budget: Budget, window: BudgetWindow): Promise<void>;
};

type Wanted = {
  readonly subject: LimitSubject;
  readonly budget: Budget;
  readonly id: string;
  readonly window: BudgetWindow;
};

type Answer =
  | {
      readonly granted: true;
      readonly reservations: readonly Omit<Reservation, "isUsed">[];
      readonly warnings: readonly string[];
    }
  | { readonly granted: false; readonly refusal: LimitRefusal };

/** Budgets remembered for the report. */
const mostKnown = 10_000;

/** Budgets of requests, asked of the ledger together for all that come in one turn of the event loop. */
export function createBudgets(ledger: BudgetLedger) {
  const known = new LRUCache<string, { subject: string; budget: Budget }>({ max: mostKnown });
  const preparing = new Map<string, Promise<void>>();
  let queue: {
    wishes: readonly BudgetWish[];
    now: number;
    resolve(used: Granted): void;
    reject(error: unknown): void;
  }[] = [];

  function flush(): void {
    const batch = queue;
    queue = [];
    ledger
      .reserve(
        batch.map(({ wishes }) => wishes),
        batch[0]!.now,
      )
      .then(
        (answers) => batch.forEach(({ resolve }, index) => resolve(answers[index]!)),
        (error: unknown) => batch.forEach(({ reject }) => reject(error)),
      );
  }

  function ask(wishes: readonly BudgetWish[], now: number): Promise<Granted> {
    return new Promise((resolve, reject) => {
      if (queue.length === 0) setImmediate(flush);
      queue.push({ wishes, now, resolve, reject });
    });
  }

  function prepare({ id, subject, budget, window }: Wanted): Promise<void> {
    let waiting = preparing.get(id);
    if (!waiting) {
      waiting = ledger.prepare(id, subject.name, budget, window).catch((error: unknown) => {
        preparing.delete(id);
        throw error;
      });
      preparing.set(id, waiting);
      void waiting.then(() => known.set(id, { subject: subject.name, budget }));
    }
    return waiting;
  }

  return {
    async reserve(subjects: readonly LimitSubject[], { cost, now }: LimitQuestion): Promise<Answer> {
      const wanted = subjects.flatMap((subject) =>
        subject.rules.budgets.map((budget): Wanted => {
          return { subject, budget, id: budgetId(subject.name, budget), window: budgetWindow(budget, now) };
        }),
      );
      for (const one of wanted) {
        if (known.get(one.id)?.budget !== one.budget && known.has(one.id))
          known.set(one.id, { subject: one.subject.name, budget: one.budget });
        if (!known.has(one.id)) await prepare(one);
      }
      const amountOf = ({ budget }: Wanted) => (budget.unit === "requests" ? 1 : cost);
      const { granted, used } = await ask(
        wanted.map((one) => {
          const { since, slot } = one.window;
          return { budget: one.id, since, slot, limit: one.budget.amount, amount: amountOf(one) };
        }),
        now,
      );
      if (granted) {
        const reservations = wanted.map((one) => {
          return { budget: one.id, slot: one.window.slot, amount: amountOf(one), unit: one.budget.unit };
        });
        return { granted, reservations, warnings: wanted.flatMap((one, index) => warningOf(one, used[index]!)) };
      }
      const { subject, budget, window } = wanted.find((one, index) => used[index]! >= one.budget.amount)!;
      const message = refusalText(subject.label, `has used up its budget of ${budgetText(budget)}`, window.until, now);
      return { granted, refusal: { subject: subject.name, code: "budget_exceeded", message, until: window.until } };
    },
    async report(now: number): Promise<LimitReport[]> {
      const all = [...known.entries()].map(([id, { subject, budget }]) => {
        return { id, subject, budget, window: budgetWindow(budget, now) };
      });
      const states = await ledger.read(all.map(({ id, window }) => ({ budget: id, since: window.since })));
      return all.map(({ subject, budget, window }, index) => {
        const { spent, reserved } = states[index]!;
        const used = spent + reserved;
        const { unit, amount, softAmount, per, isRolling } = budget;
        return {
          subject,
          limit: `${unit === "usd" ? "budget" : "requests"} a ${isRolling ? "rolling " : ""}${per}`,
          used: amountText(unit, used),
          most: amountText(unit, amount),
          state: used >= amount ? "reached" : softAmount !== null && used >= softAmount ? "soft" : "ok",
          share: amount > 0 ? used / amount : 1,
          resetsAt: window.until,
        };
      });
    },
  };
}

type Granted = { readonly granted: boolean; readonly used: readonly number[] };

function warningOf({ subject, budget }: Wanted, used: number): string[] {
  const { softAmount, unit } = budget;
  if (softAmount === null || used < softAmount) return [];
  return [`${subject.label} has used ${amountText(unit, used)} of ${budgetText(budget)}`];
}

/** The same budget under the same name, whatever its amount: raising one does not begin it anew. */
function budgetId(subject: string, { unit, per, isRolling, zone }: Budget): string {
  return `${subject} ${unit} ${isRolling ? "rolling" : zone} ${per}`;
}
