import type { Kysely } from "kysely";
import type { Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { whenFree } from "./when-free.ts";

/** What was asked and answered, as the client sent and got it. */
export type ExchangeContent = {
  readonly request: string;
  readonly answer: string;
  /** There was more than is kept. */
  readonly truncated: boolean;
};

/** Contents of exchanges, where the operator keeps them: compressed, encrypted under `secret.key`. */
export function createContentTable(database: Kysely<Tables>, box: SecretBox) {
  const purpose = (id: string) => `exchange ${id}`;
  return {
    async put(id: string, startedAt: number, content: ExchangeContent): Promise<void> {
      const { gzipSync } = await import("node:zlib");
      const packed = gzipSync(JSON.stringify(content)).toString("base64");
      const insert = database
        .insertInto("exchange_contents")
        .values({ exchange_id: id, started_at: startedAt, content: box.seal(packed, purpose(id)) })
        .onConflict((conflict) => conflict.column("exchange_id").doNothing());
      await whenFree(() => insert.execute());
    },
    async get(id: string): Promise<ExchangeContent | undefined> {
      const row = await database
        .selectFrom("exchange_contents")
        .select("content")
        .where("exchange_id", "=", id)
        .executeTakeFirst();
      if (!row) return undefined;
      const { gunzipSync } = await import("node:zlib");
      const packed = Buffer.from(box.open(row.content, purpose(id)), "base64");
      return JSON.parse(gunzipSync(packed).toString()) as ExchangeContent;
    },
    async prune(before: number): Promise<void> {
      await database.deleteFrom("exchange_contents").where("started_at", "<", before).execute();
    },
  };
}
