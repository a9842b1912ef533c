import type { DatabaseSync, StatementSync } from "node:sqlite";
import { attemptColumns, exchangeColumns, type PackedRows } from "../rows.ts";
import { latencyKey, usageKey, usageSums } from "../statistics/slots.ts";

function insertInto(database: DatabaseSync, table: string, columns: readonly string[]): StatementSync {
  return database.prepare(`insert into ${table} (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`);
}

/** Adds to what a row has already. */
function addInto(
  database: DatabaseSync,
  table: string,
  key: readonly string[],
  sums: readonly string[],
): StatementSync {
  const columns = [...key, ...sums];
  return database.prepare(
    `insert into ${table} (${columns.join(", ")}) values (${columns.map((column) => `:${column}`).join(", ")}) ` +
      `on conflict (${key.join(", ")}) do update set ${sums.map((sum) => `${sum} = ${sum} + excluded.${sum}`).join(", ")}`,
  );
}

/** One prepared statement a table and one transaction a batch: the whole batch is on disk or none of it. */
export function createAppendRows(database: DatabaseSync, holder: string): (rows: PackedRows) => Promise<void> {
  let statements:
    | {
        readonly exchange: StatementSync;
        readonly attempt: StatementSync;
        readonly spend: StatementSync;
        readonly free: StatementSync;
        readonly usage: StatementSync;
        readonly latency: StatementSync;
      }
    | undefined;
  return async ({ exchanges, attempts, settlements, usage, latency }) => {
    // The tables are made after the file is opened.
    statements ??= {
      exchange: insertInto(database, "exchanges", exchangeColumns),
      attempt: insertInto(database, "attempts", attemptColumns),
      spend: database.prepare(
        "insert into budget_spent (budget, slot, amount) values (?, ?, ?) " +
          "on conflict (budget, slot) do update set amount = amount + excluded.amount",
      ),
      free: database.prepare(
        "update budget_reserved set amount = max(0, amount - ?) where budget = ? and slot = ? and holder = ?",
      ),
      usage: addInto(database, "usage_slots", usageKey, usageSums),
      latency: addInto(database, "latency_slots", latencyKey, ["count"]),
    };
    database.exec("begin immediate");
    try {
      for (const row of exchanges) statements.exchange.run(...row);
      for (const row of attempts) statements.attempt.run(...row);
      for (const { budget, slot, spent, freed } of settlements) {
        if (spent > 0) statements.spend.run(budget, slot, spent);
        statements.free.run(freed, budget, slot, holder);
      }
      for (const row of usage) statements.usage.run(row);
      for (const row of latency) statements.latency.run(row);
      database.exec("commit");
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  };
}
