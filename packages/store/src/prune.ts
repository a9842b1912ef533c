import type { Kysely } from "kysely";
import type { Tables } from "./schema.ts";

/** Rows a statement deletes at most: small enough that live traffic never waits long for the lock. */
const rowsAtOnce = 500;

/** Deletes what began before `before`, in small batches with a pause between them. Returns the number of exchanges deleted. */
export async function pruneBefore(database: Kysely<Tables>, before: number, signal: AbortSignal): Promise<number> {
  let deleted = 0;
  while (!signal.aborted) {
    const ids = await database
      .selectFrom("exchanges")
      .select("id")
      .where("started_at", "<", before)
      .orderBy("id")
      .limit(rowsAtOnce)
      .execute();
    if (ids.length === 0) break;
    const list = ids.map((row) => row.id);
    await database.deleteFrom("attempts").where("exchange_id", "in", list).execute();
    await database.deleteFrom("exchanges").where("id", "in", list).execute();
    deleted += list.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return deleted;
}

/** Stored responses have a life of their own. */
export async function pruneResponsesBefore(database: Kysely<Tables>, before: number): Promise<void> {
  await database.deleteFrom("responses").where("created_at", "<", before).execute();
}
