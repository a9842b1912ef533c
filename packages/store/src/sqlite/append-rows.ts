import type { DatabaseSync, StatementSync } from "node:sqlite";
import { attemptColumns, exchangeColumns, type PackedRows } from "../rows.ts";

function insertInto(database: DatabaseSync, table: string, columns: readonly string[]): StatementSync {
  return database.prepare(`insert into ${table} (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`);
}

/** One prepared statement a table and one transaction a batch: the whole batch is on disk or none of it. */
export function createAppendRows(database: DatabaseSync): (rows: PackedRows) => Promise<void> {
  let statements: { readonly exchange: StatementSync; readonly attempt: StatementSync } | undefined;
  return async ({ exchanges, attempts }) => {
    // The tables are made after the file is opened.
    statements ??= {
      exchange: insertInto(database, "exchanges", exchangeColumns),
      attempt: insertInto(database, "attempts", attemptColumns),
    };
    database.exec("begin immediate");
    try {
      for (const row of exchanges) statements.exchange.run(...row);
      for (const row of attempts) statements.attempt.run(...row);
      database.exec("commit");
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  };
}
