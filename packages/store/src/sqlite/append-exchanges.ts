import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { attemptRow, exchangeRow, type PricedExchange } from "../rows.ts";

function inserter(database: DatabaseSync, table: string): (row: Readonly<Record<string, SQLInputValue>>) => void {
  let statement: StatementSync | undefined;
  return (row) => {
    if (!statement) {
      const columns = Object.keys(row);
      statement = database.prepare(
        `insert into ${table} (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`,
      );
    }
    // Every row of a table is made by one function, so its values stand in the columns' order.
    statement.run(...Object.values(row));
  };
}

/** One prepared statement a table and one transaction a batch: the whole batch is on disk or none of it. */
export function createAppendExchanges(database: DatabaseSync): (exchanges: readonly PricedExchange[]) => Promise<void> {
  const insertExchange = inserter(database, "exchanges");
  const insertAttempt = inserter(database, "attempts");
  return async (exchanges) => {
    database.exec("begin immediate");
    try {
      for (const exchange of exchanges) {
        insertExchange(exchangeRow(exchange));
        const { id, attempts } = exchange.record;
        // A single try that went well says nothing its exchange does not.
        if (attempts.length === 1 && attempts[0]!.error === null) continue;
        for (const [index, attempt] of attempts.entries()) insertAttempt(attemptRow(id, index + 1, attempt));
      }
      database.exec("commit");
    } catch (error) {
      database.exec("rollback");
      throw error;
    }
  };
}
