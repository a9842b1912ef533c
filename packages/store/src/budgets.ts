import type { DatabaseSync } from "node:sqlite";
import type { BudgetAmount, BudgetAnswer, BudgetState, BudgetWish } from "@trunkline/contracts";
import { sql, type Kysely, type Transaction } from "kysely";
import type { Tables } from "./schema.ts";
import { whenFree } from "./when-free.ts";

export type BudgetTable = {
  /**
   * Sets aside what requests want, in their order: of each all or nothing, and nothing where a budget is used up. On disk when it resolves,
   * so that what runs when the process dies is not forgotten. Other processes' counts.
   */
  reserve(requests: readonly (readonly BudgetWish[])[], now: number): Promise<BudgetAnswer[]>;
  /** Gives back what this process had set aside and does not need. */
  release(amounts: readonly BudgetAmount[]): Promise<void>;
  read(budgets: readonly { readonly budget: string; readonly since: number }[]): Promise<BudgetState[]>;
  /** Books what was spent before the budget was set; only the first time, whoever does it. */
  seed(budget: string, slots: readonly { readonly slot: number; readonly amount: number }[]): Promise<void>;
  /** Which of these have been booked on before. */
  known(budgets: readonly string[]): Promise<Set<string>>;
  /** Shows that this process lives, and takes what processes that do not had set aside as spent. */
  keep(now: number): Promise<void>;
  /** Forgets slots from before a time. */
  prune(before: number): Promise<void>;
};

/** Milliseconds after which a process that has not been seen is taken for dead. */
const goneAfterMs = 90_000;

type Counted = { spent: number; reserved: number; added: Map<number, number> };

/** Grants in order, as long as a budget is not used up: the last one may go beyond it by what it wants, never by more. */
function grant(requests: readonly (readonly BudgetWish[])[], counted: ReadonlyMap<string, Counted>): BudgetAnswer[] {
  return requests.map((wishes) => {
    const used = wishes.map(({ budget, since }) => {
      const count = counted.get(keyOf(budget, since))!;
      let added = 0;
      for (const [slot, amount] of count.added) if (slot >= since) added += amount;
      return count.spent + count.reserved + added;
    });
    const granted = wishes.every(({ limit }, index) => used[index]! < limit);
    if (granted)
      for (const { budget, since, slot, amount } of wishes) {
        const { added } = counted.get(keyOf(budget, since))!;
        added.set(slot, (added.get(slot) ?? 0) + amount);
      }
    return { granted, used };
  });
}

const keyOf = (budget: string, since: number) => `${since} ${budget}`;

function distinct(requests: readonly (readonly BudgetWish[])[]): BudgetWish[] {
  const found = new Map<string, BudgetWish>();
  for (const wish of requests.flat()) found.set(keyOf(wish.budget, wish.since), wish);
  // In one order in every process, so that no two wait for each other.
  return [...found.values()].toSorted((a, b) =>
    a.budget < b.budget ? -1 : a.budget > b.budget ? 1 : a.since - b.since,
  );
}

/** One prepared statement each and no waiting in between: nothing else of this process comes into the transaction. */
function reserveInSqlite(database: DatabaseSync, holder: string): BudgetTable["reserve"] {
  const prepare = () => ({
    spent: database.prepare(
      "select coalesce(sum(amount), 0) as amount from budget_spent where budget = ? and slot >= ?",
    ),
    reserved: database.prepare(
      "select coalesce(sum(amount), 0) as amount from budget_reserved where budget = ? and slot >= ?",
    ),
    add: database.prepare(
      "insert into budget_reserved (budget, slot, holder, amount, seen_at) values (?, ?, ?, ?, ?) " +
        "on conflict (budget, slot, holder) do update set amount = amount + excluded.amount, seen_at = excluded.seen_at",
    ),
  });
  let statements: ReturnType<typeof prepare> | undefined;
  const once = (requests: readonly (readonly BudgetWish[])[], now: number): BudgetAnswer[] => {
    const { spent, reserved, add } = (statements ??= prepare());
    database.exec("begin immediate");
    try {
      const counted = new Map<string, Counted>();
      for (const { budget, since } of distinct(requests)) {
        const sum = (statement: typeof spent) => Number(statement.get(budget, since)!["amount"]);
        counted.set(keyOf(budget, since), { spent: sum(spent), reserved: sum(reserved), added: new Map() });
      }
      const answers = grant(requests, counted);
      for (const [key, { added }] of counted)
        for (const [slot, amount] of added) add.run(key.slice(key.indexOf(" ") + 1), slot, holder, amount, now);
      database.exec("commit");
      return answers;
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  };
  return (requests, now) => whenFree(async () => once(requests, now));
}

function reserveInPostgres(database: Kysely<Tables>, holder: string): BudgetTable["reserve"] {
  return (requests, now) =>
    database.transaction().execute(async (transaction) => {
      const counted = new Map<string, Counted>();
      for (const { budget, since } of distinct(requests)) {
        await sql`select pg_advisory_xact_lock(hashtextextended(${budget}, 0))`.execute(transaction);
        const { spent, reserved } = await readOne(transaction, budget, since);
        counted.set(keyOf(budget, since), { spent, reserved, added: new Map() });
      }
      const answers = grant(requests, counted);
      for (const [key, { added }] of counted)
        for (const [slot, amount] of added) {
          const values = { budget: key.slice(key.indexOf(" ") + 1), slot, holder, amount, seen_at: now };
          await transaction
            .insertInto("budget_reserved")
            .values(values)
            .onConflict((conflict) =>
              conflict
                .columns(["budget", "slot", "holder"])
                .doUpdateSet({ amount: sql`budget_reserved.amount + excluded.amount`, seen_at: now }),
            )
            .execute();
        }
      return answers;
    });
}

async function readOne(
  database: Kysely<Tables> | Transaction<Tables>,
  budget: string,
  since: number,
): Promise<BudgetState> {
  const sum = async (table: "budget_spent" | "budget_reserved") => {
    const row = await database
      .selectFrom(table)
      .select(({ fn }) => fn.sum("amount").as("amount"))
      .where("budget", "=", budget)
      .where("slot", ">=", since)
      .executeTakeFirst();
    return Number(row?.amount ?? 0);
  };
  return { spent: await sum("budget_spent"), reserved: await sum("budget_reserved") };
}

/** In one transaction: what the dead had set aside is neither lost nor booked twice. */
function keepInSqlite(file: DatabaseSync, holder: string): BudgetTable["keep"] {
  const once = (now: number) => {
    file.exec("begin immediate");
    try {
      file.prepare("delete from budget_reserved where holder = ? and amount = 0").run(holder);
      file.prepare("update budget_reserved set seen_at = ? where holder = ?").run(now, holder);
      const gone = [now - goneAfterMs, holder] as const;
      file
        .prepare(
          "insert into budget_spent (budget, slot, amount) " +
            "select budget, slot, sum(amount) from budget_reserved where seen_at < ? and holder != ? group by budget, slot " +
            "on conflict (budget, slot) do update set amount = amount + excluded.amount",
        )
        .run(...gone);
      file.prepare("delete from budget_reserved where seen_at < ? and holder != ?").run(...gone);
      file.exec("commit");
    } catch (error) {
      file.exec("rollback");
      throw error;
    }
  };
  return (now) => whenFree(async () => once(now));
}

function keepInPostgres(database: Kysely<Tables>, holder: string): BudgetTable["keep"] {
  return (now) =>
    database.transaction().execute(async (transaction) => {
      await transaction.deleteFrom("budget_reserved").where("holder", "=", holder).where("amount", "=", 0).execute();
      await transaction.updateTable("budget_reserved").set({ seen_at: now }).where("holder", "=", holder).execute();
      await sql`
        with gone as (
          delete from budget_reserved where seen_at < ${now - goneAfterMs} and holder != ${holder}
          returning budget, slot, amount
        )
        insert into budget_spent (budget, slot, amount)
        select budget, slot, sum(amount)::bigint from gone group by budget, slot
        on conflict (budget, slot) do update set amount = budget_spent.amount + excluded.amount
      `.execute(transaction);
    });
}

/** What budgets have spent and set aside. Spending is booked with the ledger's rows, in their transaction. */
export function createBudgetTable(
  database: Kysely<Tables>,
  holder: string,
  file: DatabaseSync | undefined,
): BudgetTable {
  return {
    reserve: file ? reserveInSqlite(file, holder) : reserveInPostgres(database, holder),
    read: (budgets) => Promise.all(budgets.map(({ budget, since }) => readOne(database, budget, since))),
    async release(amounts) {
      for (const { budget, slot, amount } of amounts) {
        const update = database
          .updateTable("budget_reserved")
          .set({ amount: sql`case when amount < ${amount} then 0 else amount - ${amount} end` })
          .where("budget", "=", budget)
          .where("slot", "=", slot)
          .where("holder", "=", holder);
        await whenFree(() => update.execute());
      }
    },
    async seed(budget, slots) {
      const values = slots.length > 0 ? slots : [{ slot: 0, amount: 0 }];
      const insert = database
        .insertInto("budget_spent")
        .values(values.map(({ slot, amount }) => ({ budget, slot, amount })))
        .onConflict((conflict) => conflict.columns(["budget", "slot"]).doNothing());
      await whenFree(() => insert.execute());
    },
    async known(budgets) {
      if (budgets.length === 0) return new Set();
      const rows = await database
        .selectFrom("budget_spent")
        .select("budget")
        .distinct()
        .where("budget", "in", [...budgets])
        .execute();
      return new Set(rows.map(({ budget }) => budget));
    },
    keep: file ? keepInSqlite(file, holder) : keepInPostgres(database, holder),
    async prune(before) {
      const old = database.deleteFrom("budget_spent").where("slot", "<", before).where("slot", ">", 0);
      await whenFree(() => old.execute());
    },
  };
}
