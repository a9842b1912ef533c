import type { CallbackState, Task } from "@trunkline/contracts";
import { sql, type Kysely } from "kysely";
import type { TaskRow, Tables } from "../schema.ts";
import { whenFree } from "../when-free.ts";

/** The part of tasks that tells clients of those that have ended. */
export function createTaskCallbacks(database: Kysely<Tables>, taskOf: (row: TaskRow) => Task) {
  return {
    /** Takes callbacks that are due; whoever takes one has until then to deliver it. */
    async claimCallbacks(now: number, until: number, count: number): Promise<Task[]> {
      const isDue = sql<boolean>`(callback_state = 'pending' and finished_at is not null and callback_at <= ${now})`;
      const due = database.selectFrom("tasks").select("id").where(isDue).orderBy("callback_at").limit(count);
      const take = database
        .updateTable("tasks")
        .set({ callback_at: until, callback_attempts: sql`callback_attempts + 1` })
        .where("id", "in", due)
        .where(isDue)
        .returningAll();
      return (await whenFree(() => take.execute())).map(taskOf);
    },
    async endCallback(
      id: string,
      end: { readonly state: CallbackState; readonly at: number; readonly error: string | null },
    ): Promise<void> {
      const update = database
        .updateTable("tasks")
        .set({ callback_state: end.state, callback_at: end.at, callback_error: end.error })
        .where("id", "=", id)
        .where("callback_state", "=", "pending");
      await whenFree(() => update.execute());
    },
    /** Delivered anew, from the first try on. False when it has no callback or has not ended. */
    async deliverAgain(id: string, now: number): Promise<boolean> {
      const update = database
        .updateTable("tasks")
        .set({ callback_state: "pending", callback_at: now, callback_attempts: 0, callback_error: null })
        .where("id", "=", id)
        .where("callback_state", "in", ["delivered", "dead"]);
      return Number((await whenFree(() => update.executeTakeFirst())).numUpdatedRows) > 0;
    },
  };
}
