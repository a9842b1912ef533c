import type { Insertable, Kysely } from "kysely";
import { attemptColumns, exchangeColumns, type PackedRows } from "../rows.ts";
import type { Tables } from "../schema.ts";

/** PostgreSQL takes at most 65,535 parameters a statement; an exchange has 26. */
const rowsAtOnce = 1000;

function* pieces<Row>(columns: readonly string[], rows: PackedRows["exchanges"]): Generator<Row[]> {
  for (let from = 0; from < rows.length; from += rowsAtOnce)
    yield rows
      .slice(from, from + rowsAtOnce)
      .map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])) as Row);
}

export function createAppendRows(database: Kysely<Tables>): (rows: PackedRows) => Promise<void> {
  return async ({ exchanges, attempts }) => {
    await database.transaction().execute(async (transaction) => {
      for (const rows of pieces<Insertable<Tables["exchanges"]>>(exchangeColumns, exchanges))
        await transaction.insertInto("exchanges").values(rows).execute();
      for (const rows of pieces<Insertable<Tables["attempts"]>>(attemptColumns, attempts))
        await transaction.insertInto("attempts").values(rows).execute();
    });
  };
}
