import type { SessionRecord } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { SessionRow, Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { whenFree } from "./when-free.ts";

/** Sessions of vendors' programs. What is said in them is encrypted under `secret.key`. */
export function createSessionTable(database: Kysely<Tables>, box: SecretBox) {
  const seal = ({ id, system, history }: SessionRecord) =>
    box.seal(JSON.stringify({ system, history }), `session ${id}`);

  function recordOf(row: SessionRow): SessionRecord {
    return {
      id: row.id,
      keyId: row.key_id,
      provider: row.provider,
      account: row.account,
      resumeId: row.resume_id,
      ...(JSON.parse(box.open(row.content, `session ${row.id}`)) as Pick<SessionRecord, "system" | "history">),
      turns: row.turns,
      createdAt: Number(row.created_at),
      usedAt: Number(row.used_at),
    };
  }

  return {
    async create(session: SessionRecord, lockedUntil: number): Promise<void> {
      const insert = database.insertInto("sessions").values({
        id: session.id,
        key_id: session.keyId,
        provider: session.provider,
        account: session.account,
        resume_id: session.resumeId,
        content: seal(session),
        turns: session.turns,
        created_at: session.createdAt,
        used_at: session.usedAt,
        locked_until: lockedUntil,
      });
      await whenFree(() => insert.execute());
    },
    /** One statement decides who holds it, whichever process asks. */
    async lock(id: string, keyId: string, now: number, until: number): Promise<SessionRecord | "busy" | undefined> {
      const take = database
        .updateTable("sessions")
        .set({ locked_until: until })
        .where("id", "=", id)
        .where("key_id", "=", keyId)
        .where("locked_until", "<=", now);
      const taken = Number((await whenFree(() => take.executeTakeFirst())).numUpdatedRows) > 0;
      const row = await database
        .selectFrom("sessions")
        .selectAll()
        .where("id", "=", id)
        .where("key_id", "=", keyId)
        .executeTakeFirst();
      if (!row) return undefined;
      return taken ? recordOf(row) : "busy";
    },
    async update(session: SessionRecord): Promise<void> {
      const change = database
        .updateTable("sessions")
        .set({
          account: session.account,
          resume_id: session.resumeId,
          content: seal(session),
          turns: session.turns,
          used_at: session.usedAt,
          locked_until: 0,
        })
        .where("id", "=", session.id);
      await whenFree(() => change.execute());
    },
    async unlock(id: string): Promise<void> {
      const change = database.updateTable("sessions").set({ locked_until: 0 }).where("id", "=", id);
      await whenFree(() => change.execute());
    },
    async remove(id: string): Promise<void> {
      const remove = database.deleteFrom("sessions").where("id", "=", id);
      await whenFree(() => remove.execute());
    },
    async expired(provider: string, usedBefore: number, createdBefore: number): Promise<SessionRecord[]> {
      const rows = await database
        .selectFrom("sessions")
        .selectAll()
        .where("provider", "=", provider)
        .where((expression) =>
          expression.or([expression("used_at", "<", usedBefore), expression("created_at", "<", createdBefore)]),
        )
        .limit(100)
        .execute();
      return rows.map(recordOf);
    },
  };
}
