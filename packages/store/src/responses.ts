import type { StoredResponse } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { whenFree } from "./when-free.ts";

/** Conversations kept for `previous_response_id`, encrypted under `secret.key` and bound to their id. */
export function createResponseTable(database: Kysely<Tables>, box: SecretBox) {
  return {
    async save(entry: StoredResponse): Promise<void> {
      const content =
        entry.response === null
          ? null
          : box.seal(JSON.stringify({ input: entry.input, response: entry.response }), entry.id);
      const insert = database
        .insertInto("responses")
        .values({
          id: entry.id,
          key_id: entry.keyId,
          provider: entry.provider,
          created_at: Math.round(entry.createdAt),
          content,
        })
        .onConflict((conflict) => conflict.column("id").doNothing());
      await whenFree(() => insert.execute());
    },
    async find(id: string, keyId: string): Promise<StoredResponse | undefined> {
      const row = await database
        .selectFrom("responses")
        .selectAll()
        .where("id", "=", id)
        .where("key_id", "=", keyId)
        .executeTakeFirst();
      if (!row) return undefined;
      const content =
        row.content === null
          ? { input: null, response: null }
          : (JSON.parse(box.open(row.content, id)) as Pick<StoredResponse, "input" | "response">);
      return { id, keyId, provider: row.provider, createdAt: Number(row.created_at), ...content };
    },
    async delete(id: string, keyId: string): Promise<boolean> {
      const remove = database.deleteFrom("responses").where("id", "=", id).where("key_id", "=", keyId);
      const result = await whenFree(() => remove.executeTakeFirst());
      return Number(result.numDeletedRows) > 0;
    },
  };
}
