import type { Kysely } from "kysely";
import { attemptRow, exchangeRow, type PricedExchange } from "../rows.ts";
import type { Tables } from "../schema.ts";

/** PostgreSQL takes at most 65,535 parameters a statement; an exchange has 26. */
const rowsAtOnce = 1000;

export function createAppendExchanges(
  database: Kysely<Tables>,
): (exchanges: readonly PricedExchange[]) => Promise<void> {
  return async (exchanges) => {
    const rows = exchanges.map(exchangeRow);
    const attempts = exchanges
      .filter(({ record }) => record.attempts.length > 1 || record.attempts[0]?.error)
      .flatMap(({ record }) => record.attempts.map((attempt, index) => attemptRow(record.id, index + 1, attempt)));
    await database.transaction().execute(async (transaction) => {
      for (let from = 0; from < rows.length; from += rowsAtOnce)
        await transaction
          .insertInto("exchanges")
          .values(rows.slice(from, from + rowsAtOnce))
          .execute();
      for (let from = 0; from < attempts.length; from += rowsAtOnce)
        await transaction
          .insertInto("attempts")
          .values(attempts.slice(from, from + rowsAtOnce))
          .execute();
    });
  };
}
