import type { Budget, BudgetAmount, BudgetAnswer, BudgetState, BudgetWish, Reservation } from "@trunkline/contracts";
import { LRUCache } from "lru-cache";
import { budgetWindow, type BudgetWindow } from "./budget-window.ts";
import type { LimitQuestion, LimitRefusal, LimitReport, LimitSubject } from "./question.ts";
import { amountText, budgetText, refusalText } from "./refusal-text.ts";

/** The port budgets need: sets amounts aside so that they outlive the process, for all processes beside the database. */
export type BudgetLedger = {
  reserve(requests: readonly (readonly BudgetWish[])[], now: number): Promise<readonly BudgetAnswer[]>;
  read(budgets: readonly { readonly budget: string; readonly since: number }[]): Promise<readonly BudgetState[]>;
  /** Gives back what was set aside and not used. */
  release(amounts: readonly BudgetAmount[]): Promise<void>;
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

/** Requests' worth that is set aside in advance, and the share of what is left that may be: close to its end a budget is exact. */
const advance = 64;
const advanceShare = 1 / 200;
/** Milliseconds after which what was set aside in advance and not used goes back. */
const leaseMs = 1000;

/** What is set aside already for requests to come. */
type Lease = { readonly slot: number; readonly limit: number; used: number; left: number; at: number };

/** Budgets remembered for the report. */
const mostKnown = 10_000;

/** Budgets of requests, asked of the ledger together for all that come in one turn of the event loop. */
export function createBudgets(ledger: BudgetLedger) {
  const leases = new Map<string, Lease>();
  const known = new LRUCache<string, { subject: string; budget: Budget }>({ max: mostKnown });
  const preparing = new Map<string, Promise<void>>();
  let queue: {
    wishes: readonly BudgetWish[];
    now: number;
    resolve(used: BudgetAnswer): void;
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

  /** What is left of leases nobody has drawn on for a while, or whose time is over. */
  function sweep(now: number, isLast = false): void {
    const unused = [...leases].filter(([, { at }]) => isLast || Math.abs(now - at) >= leaseMs);
    for (const [budget] of unused) leases.delete(budget);
    giveBack(unused);
  }

  function giveBack(unused: readonly (readonly [string, Lease])[]): void {
    const amounts = unused
      .filter(([, { left }]) => left > 0)
      .map(([budget, { slot, left: amount }]) => ({ budget, slot, amount }));
    if (amounts.length > 0) release(amounts);
  }

  /** What cannot be given back now is counted as spent until its time is over: on the safe side. */
  function release(amounts: readonly BudgetAmount[]): void {
    ledger.release(amounts).catch(() => {});
  }

  const sweeping = setInterval(() => sweep(Date.now()), leaseMs);
  sweeping.unref();

  /** Takes all wishes out of what is set aside already; false when that does not do. */
  function draw(wishes: readonly BudgetWish[], now: number): boolean {
    for (const { budget, slot, limit, amount } of wishes) {
      const lease = leases.get(budget);
      if (!lease || lease.slot !== slot || lease.limit !== limit) return false;
      if (lease.left < amount || lease.used >= limit) return false;
    }
    for (const { budget, amount } of wishes) {
      const lease = leases.get(budget)!;
      lease.left -= amount;
      lease.used += amount;
      lease.at = now;
    }
    return true;
  }

  /** Adds to a wish what may be wanted next. */
  function withAdvance(wish: BudgetWish): BudgetWish {
    const known = leases.get(wish.budget);
    const room = known ? wish.limit - known.used - known.left : 0;
    const more = Math.min(advance * wish.amount, Math.floor(room * advanceShare));
    return more >= wish.amount * 2 ? { ...wish, amount: wish.amount + more } : wish;
  }

  function keepAdvance(wish: BudgetWish, asked: BudgetWish, used: number, now: number): void {
    const { budget, slot, limit, amount } = wish;
    const before = leases.get(budget);
    const isSame = before?.slot === slot && before.limit === limit;
    if (before && !isSame) giveBack([[budget, before]]);
    const left = (isSame ? before.left : 0) + asked.amount - amount;
    leases.set(budget, { slot, limit, used: used + amount, left, at: now });
  }

  function ask(wishes: readonly BudgetWish[], now: number): Promise<BudgetAnswer> {
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
      waiting.then(
        () => known.set(id, { subject: subject.name, budget }),
        // Whoever waits for it is told.
        () => {},
      );
    }
    return waiting;
  }

  async function askLedger(wanted: readonly Wanted[], wishes: readonly BudgetWish[], now: number): Promise<Answer> {
    for (const one of wanted) {
      if (known.get(one.id)?.budget !== one.budget && known.has(one.id))
        known.set(one.id, { subject: one.subject.name, budget: one.budget });
      if (!known.has(one.id)) await prepare(one);
    }
    const asked = wishes.map(withAdvance);
    const answer = await ask(asked, now);
    if (answer.granted) {
      for (const [index, wish] of wishes.entries()) keepAdvance(wish, asked[index]!, answer.used[index]!, now);
      return granted(wanted, wishes, answer.used);
    }
    const { subject, budget, window } = wanted.find((one, index) => answer.used[index]! >= one.budget.amount)!;
    const message = refusalText(subject.label, `has used up its budget of ${budgetText(budget)}`, window.until, now);
    return {
      granted: false,
      refusal: { subject: subject.name, code: "budget_exceeded", message, until: window.until },
    };
  }

  return {
    reserve(subjects: readonly LimitSubject[], { cost, now }: LimitQuestion): Answer | Promise<Answer> {
      const wanted = subjects.flatMap((subject) =>
        subject.rules.budgets.map((budget): Wanted => {
          return { subject, budget, id: budgetId(subject.name, budget), window: budgetWindow(budget, now) };
        }),
      );
      const amountOf = ({ budget }: Wanted) => (budget.unit === "requests" ? 1 : cost);
      const wishes = wanted.map((one): BudgetWish => {
        const { since, slot } = one.window;
        return { budget: one.id, since, slot, limit: one.budget.amount, amount: amountOf(one) };
      });
      if (draw(wishes, now))
        return granted(
          wanted,
          wishes,
          wishes.map(({ budget, amount }) => leases.get(budget)!.used - amount),
        );
      return askLedger(wanted, wishes, now);
    },
    release,
    /** Gives back what is set aside in advance. */
    close(): void {
      clearInterval(sweeping);
      sweep(Date.now(), true);
    },
    async report(now: number): Promise<LimitReport[]> {
      const all = [...known.entries()].map(([id, { subject, budget }]) => {
        return { id, subject, budget, window: budgetWindow(budget, now) };
      });
      const states = await ledger.read(all.map(({ id, window }) => ({ budget: id, since: window.since })));
      return all.map(({ id, subject, budget, window }, index) => {
        const { spent, reserved } = states[index]!;
        const used = spent + reserved - (leases.get(id)?.left ?? 0);
        const { unit, amount, softAmount, per, isRolling } = budget;
        return {
          subject,
          limit: `${unit === "usd" ? "budget" : "requests"} a ${isRolling ? "rolling " : ""}${per}`,
          used: amountText(unit, used),
          most: amountText(unit, amount),
          state: used >= amount ? "reached" : softAmount !== null && used >= softAmount ? "soft" : "ok",
          share: amount > 0 ? used / amount : 1,
          remainingUsd: unit === "usd" ? Math.max(0, amount - used) / 1e9 : null,
          resetsAt: window.until,
        };
      });
    },
  };
}

function granted(wanted: readonly Wanted[], wishes: readonly BudgetWish[], used: readonly number[]): Answer {
  const reservations = wanted.map(({ id, window, budget }, index) => {
    return { budget: id, slot: window.slot, amount: wishes[index]!.amount, unit: budget.unit };
  });
  return { granted: true, reservations, warnings: wanted.flatMap((one, index) => warningOf(one, used[index]!)) };
}

function warningOf({ subject, budget }: Wanted, used: number): string[] {
  const { softAmount, unit } = budget;
  if (softAmount === null || used < softAmount) return [];
  return [`${subject.label} has used ${amountText(unit, used)} of ${budgetText(budget)}`];
}

/** The same budget under the same name, whatever its amount: raising one does not begin it anew. */
export function budgetId(subject: string, { unit, per, isRolling, zone }: Budget): string {
  return `${subject} ${unit} ${isRolling ? "rolling" : zone} ${per}`;
}
