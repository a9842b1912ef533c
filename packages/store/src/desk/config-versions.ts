import type { ConfigVersion } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { Tables } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";

/** Most versions that are kept. */
const mostKept = 200;

/** Configurations as they once were, for undoing. A file may hold secrets: the texts are encrypted. */
export function createConfigVersionTable(database: Kysely<Tables>, box: SecretBox) {
  const purpose = (id: string) => `config ${id}`;

  return {
    async insert({ id, at, actor, tag, text }: ConfigVersion): Promise<void> {
      await database
        .insertInto("config_versions")
        .values({ id, at, actor, tag, content: box.seal(text, purpose(id)) })
        .execute();
      const old = await database
        .selectFrom("config_versions")
        .select("id")
        .orderBy("at", "desc")
        .orderBy("id", "desc")
        .offset(mostKept)
        .limit(100)
        .execute();
      if (old.length > 0)
        await database
          .deleteFrom("config_versions")
          .where(
            "id",
            "in",
            old.map((row) => row.id),
          )
          .execute();
    },
    /** Newest first, without their texts. */
    async list(limit: number): Promise<Omit<ConfigVersion, "text">[]> {
      const rows = await database
        .selectFrom("config_versions")
        .select(["id", "at", "actor", "tag"])
        .orderBy("at", "desc")
        .orderBy("id", "desc")
        .limit(limit)
        .execute();
      return rows.map((row) => ({ ...row, at: Number(row.at) }));
    },
    async get(id: string): Promise<ConfigVersion | undefined> {
      const row = await database.selectFrom("config_versions").selectAll().where("id", "=", id).executeTakeFirst();
      return (
        row && {
          id: row.id,
          at: Number(row.at),
          actor: row.actor,
          tag: row.tag,
          text: box.open(row.content, purpose(row.id)),
        }
      );
    },
  };
}

/** Answers to requests that came with an idempotency key. They may hold a new secret: they are encrypted. */
export function createIdempotentAnswerTable(database: Kysely<Tables>, box: SecretBox) {
  const purpose = (id: string) => `answer ${id}`;

  return {
    async find(id: string): Promise<{ fingerprint: string; status: number; body: string } | undefined> {
      const row = await database.selectFrom("idempotent_answers").selectAll().where("id", "=", id).executeTakeFirst();
      return row && { fingerprint: row.fingerprint, status: row.status, body: box.open(row.content, purpose(id)) };
    },
    /** False when there is one already: the first one holds. */
    async claim(id: string, fingerprint: string, now: number): Promise<boolean> {
      const { numInsertedOrUpdatedRows } = await database
        .insertInto("idempotent_answers")
        .values({ id, fingerprint, status: 0, content: box.seal("", purpose(id)), created_at: now })
        .onConflict((conflict) => conflict.column("id").doNothing())
        .executeTakeFirst();
      return Number(numInsertedOrUpdatedRows ?? 0) > 0;
    },
    async put(id: string, status: number, body: string): Promise<void> {
      await database
        .updateTable("idempotent_answers")
        .set({ status, content: box.seal(body, purpose(id)) })
        .where("id", "=", id)
        .execute();
    },
    async remove(id: string): Promise<void> {
      await database.deleteFrom("idempotent_answers").where("id", "=", id).execute();
    },
    async prune(before: number): Promise<void> {
      await database.deleteFrom("idempotent_answers").where("created_at", "<", before).execute();
    },
  };
}
