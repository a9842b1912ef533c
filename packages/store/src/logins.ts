import type { Login } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { LoginRow, Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { whenFree } from "./when-free.ts";

/** Sign-ins that wait for a person, or have just ended. */
export function createLoginTable(database: Kysely<Tables>, box: SecretBox) {
  const purposeOf = (id: string) => `login ${id}`;

  function loginOf(row: LoginRow): Login {
    return {
      id: row.id,
      provider: row.provider,
      flow: row.flow as Login["flow"],
      status: row.status as Login["status"],
      problem: row.problem,
      createdAt: Number(row.created_at),
      expiresAt: Number(row.expires_at),
      secrets: JSON.parse(box.open(row.content, purposeOf(row.id))) as Login["secrets"],
    };
  }

  return {
    /** Forgets those that ran out an hour ago, too. */
    async create(login: Login): Promise<void> {
      const old = database.deleteFrom("logins").where("expires_at", "<", login.createdAt - 3_600_000);
      await whenFree(() => old.execute());
      const insert = database.insertInto("logins").values({
        id: login.id,
        provider: login.provider,
        flow: login.flow,
        status: login.status,
        problem: login.problem,
        created_at: login.createdAt,
        expires_at: login.expiresAt,
        content: box.seal(JSON.stringify(login.secrets), purposeOf(login.id)),
      });
      await whenFree(() => insert.execute());
    },
    async find(id: string): Promise<Login | undefined> {
      const row = await database.selectFrom("logins").selectAll().where("id", "=", id).executeTakeFirst();
      return row && loginOf(row);
    },
    /** Of several that bring the same answer, one may use it. */
    async claim(id: string): Promise<boolean> {
      const update = database
        .updateTable("logins")
        .set({ status: "claimed" })
        .where("id", "=", id)
        .where("status", "=", "pending");
      return Number((await whenFree(() => update.executeTakeFirst())).numUpdatedRows) > 0;
    },
    async end(id: string, status: "done" | "failed", problem: string | null): Promise<void> {
      const update = database.updateTable("logins").set({ status, problem }).where("id", "=", id);
      await whenFree(() => update.execute());
    },
  };
}
