import { newId, type KillScope, type KillSwitch, type KillSwitchEntry } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { KillSwitchRow, Tables } from "./schema.ts";
import { whenFree } from "./when-free.ts";

function entryOf(row: KillSwitchRow): KillSwitchEntry {
  return {
    scope: row.scope as KillScope,
    name: row.name,
    reason: row.reason,
    setAt: Number(row.set_at),
    setBy: row.set_by,
    liftedAt: row.lifted_at === null ? null : Number(row.lifted_at),
    liftedBy: row.lifted_by,
  };
}

/** Kill switches. Rows are never removed: who set and lifted one, and why, stays on record. */
export function createKillSwitchTable(database: Kysely<Tables>) {
  return {
    /** False when it was in force already; its first reason stays. */
    async set({ scope, name, reason, setAt, setBy }: KillSwitch): Promise<boolean> {
      const values = { id: newId("kill_"), scope, name, reason, set_at: setAt, set_by: setBy };
      // A unique index over those in force: of two who set one at once, one does.
      const insert = database
        .insertInto("kill_switches")
        .values({ ...values, lifted_at: null, lifted_by: null })
        .onConflict((conflict) => conflict.columns(["scope", "name"]).where("lifted_at", "is", null).doNothing());
      const { numInsertedOrUpdatedRows } = await whenFree(() => insert.executeTakeFirst());
      return Number(numInsertedOrUpdatedRows ?? 0) > 0;
    },
    /** False when none was in force. */
    async lift(scope: KillScope, name: string, at: number, by: string): Promise<boolean> {
      const update = database
        .updateTable("kill_switches")
        .set({ lifted_at: at, lifted_by: by })
        .where("scope", "=", scope)
        .where("name", "=", name)
        .where("lifted_at", "is", null);
      const { numUpdatedRows } = await whenFree(() => update.executeTakeFirst());
      return Number(numUpdatedRows) > 0;
    },
    /** Those in force, oldest first. */
    async active(): Promise<KillSwitchEntry[]> {
      const rows = await database
        .selectFrom("kill_switches")
        .selectAll()
        .where("lifted_at", "is", null)
        .orderBy("set_at")
        .orderBy("id")
        .execute();
      return rows.map(entryOf);
    },
    /** All there ever were, newest first. */
    async history(limit: number): Promise<KillSwitchEntry[]> {
      const rows = await database
        .selectFrom("kill_switches")
        .selectAll()
        .orderBy("set_at", "desc")
        .orderBy("id", "desc")
        .limit(limit)
        .execute();
      return rows.map(entryOf);
    },
  };
}
