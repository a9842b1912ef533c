import type { Kysely } from "kysely";
import type { Tables } from "./schema.ts";

/** Stored responses have a life of their own. */
export async function pruneResponsesBefore(database: Kysely<Tables>, before: number): Promise<void> {
  await database.deleteFrom("responses").where("created_at", "<", before).execute();
}
