import { sql, type Insertable, type Kysely } from "kysely";
import { attemptColumns, exchangeColumns, type PackedRows } from "../rows.ts";
import { latencyKey, usageKey, usageSums } from "../statistics/slots.ts";
import type { Tables } from "../schema.ts";

/** PostgreSQL takes at most 65,535 parameters a statement; an exchange has 31. */
const rowsAtOnce = 1000;

function* pieces<Row>(columns: readonly string[], rows: PackedRows["exchanges"]): Generator<Row[]> {
  for (let from = 0; from < rows.length; from += rowsAtOnce)
    yield rows
      .slice(from, from + rowsAtOnce)
      .map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])) as Row);
}

/** Adds to what rows have already; `added` are rows of distinct keys, taken in one order by every process, so that no two wait for each other. */
async function addInto<Name extends "usage_slots" | "latency_slots">(
  database: Kysely<Tables>,
  table: Name,
  key: readonly string[],
  sums: readonly string[],
  added: readonly Tables[Name][],
): Promise<void> {
  const columns = [...key, ...sums];
  const name = (row: Tables[Name]) => key.map((column) => (row as Record<string, unknown>)[column]).join(" ");
  const ordered = added.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
  for (let from = 0; from < ordered.length; from += rowsAtOnce) {
    const values = ordered
      .slice(from, from + rowsAtOnce)
      .map((row) => sql`(${sql.join(columns.map((column) => (row as Record<string, unknown>)[column]))})`);
    await sql`
      insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))}) values ${sql.join(values)}
      on conflict (${sql.join(key.map((column) => sql.ref(column)))}) do update set
      ${sql.join(sums.map((sum) => sql`${sql.ref(sum)} = ${sql.ref(`${table}.${sum}`)} + ${sql.ref(`excluded.${sum}`)}`))}
    `.execute(database);
  }
}

export function createAppendRows(database: Kysely<Tables>, holder: string): (rows: PackedRows) => Promise<void> {
  return async ({ exchanges, attempts, settlements, usage, latency }) => {
    await database.transaction().execute(async (transaction) => {
      for (const rows of pieces<Insertable<Tables["exchanges"]>>(exchangeColumns, exchanges))
        await transaction.insertInto("exchanges").values(rows).execute();
      for (const rows of pieces<Insertable<Tables["attempts"]>>(attemptColumns, attempts))
        await transaction.insertInto("attempts").values(rows).execute();
      // In one order in every process, so that no two wait for each other.
      for (const { budget, slot, spent, freed } of settlements.toSorted((a, b) => (a.budget < b.budget ? -1 : 1))) {
        await sql`select pg_advisory_xact_lock(hashtextextended(${budget}, 0))`.execute(transaction);
        if (spent > 0)
          await transaction
            .insertInto("budget_spent")
            .values({ budget, slot, amount: spent })
            .onConflict((conflict) =>
              conflict.columns(["budget", "slot"]).doUpdateSet({ amount: sql`budget_spent.amount + excluded.amount` }),
            )
            .execute();
        await transaction
          .updateTable("budget_reserved")
          .set({ amount: sql`greatest(0, amount - ${freed})` })
          .where("budget", "=", budget)
          .where("slot", "=", slot)
          .where("holder", "=", holder)
          .execute();
      }
      await addInto(transaction, "usage_slots", usageKey, usageSums, usage);
      await addInto(transaction, "latency_slots", latencyKey, ["count"], latency);
    });
  };
}
