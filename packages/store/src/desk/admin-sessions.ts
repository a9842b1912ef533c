import type { AdminSession } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { AdminSessionRow, Tables } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";
import { whenFree } from "../when-free.ts";

function sessionOf(row: AdminSessionRow): AdminSession {
  return {
    id: row.id,
    userId: row.user_id,
    method: row.method as AdminSession["method"],
    createdAt: Number(row.created_at),
    usedAt: Number(row.used_at),
    expiresAt: Number(row.expires_at),
    address: row.address,
    agent: row.agent,
  };
}

/** Who is signed in with a browser. The cookie itself is not kept, only its HMAC. */
export function createAdminSessionTable(database: Kysely<Tables>, box: SecretBox) {
  const purpose = (id: string) => `id token ${id}`;

  return {
    async insert(session: AdminSession, cookie: string, idToken: string | null): Promise<void> {
      const insert = database.insertInto("admin_sessions").values({
        id: session.id,
        hash: box.hashKey(cookie),
        user_id: session.userId,
        method: session.method,
        created_at: session.createdAt,
        used_at: session.usedAt,
        expires_at: session.expiresAt,
        address: session.address,
        agent: session.agent,
        id_token: idToken === null ? null : box.seal(idToken, purpose(session.id)),
      });
      await whenFree(() => insert.execute());
    },
    async find(cookie: string, now: number): Promise<AdminSession | undefined> {
      const row = await database
        .selectFrom("admin_sessions")
        .selectAll()
        .where("hash", "=", box.hashKey(cookie))
        .where("expires_at", ">", now)
        .executeTakeFirst();
      return row && sessionOf(row);
    },
    async idToken(id: string): Promise<string | null> {
      const row = await database
        .selectFrom("admin_sessions")
        .select("id_token")
        .where("id", "=", id)
        .executeTakeFirst();
      return row?.id_token == null ? null : box.open(row.id_token, purpose(id));
    },
    async used(id: string, at: number, expiresAt: number): Promise<void> {
      const update = database
        .updateTable("admin_sessions")
        .set({ used_at: at, expires_at: expiresAt })
        .where("id", "=", id);
      await whenFree(() => update.execute());
    },
    /** Those that have not expired, newest use first. */
    async list(now: number): Promise<AdminSession[]> {
      const rows = await database
        .selectFrom("admin_sessions")
        .selectAll()
        .where("expires_at", ">", now)
        .orderBy("used_at", "desc")
        .execute();
      return rows.map(sessionOf);
    },
    async remove(id: string): Promise<boolean> {
      const remove = database.deleteFrom("admin_sessions").where("id", "=", id);
      return Number((await whenFree(() => remove.executeTakeFirst())).numDeletedRows) > 0;
    },
    async removeOf(userId: string): Promise<void> {
      const remove = database.deleteFrom("admin_sessions").where("user_id", "=", userId);
      await whenFree(() => remove.execute());
    },
    async prune(now: number): Promise<void> {
      await database.deleteFrom("admin_sessions").where("expires_at", "<=", now).execute();
    },
  };
}

export type LockRules = {
  /** Failures in a row that are let pass. */
  readonly free: number;
  /** Milliseconds of the first lock; each further failure doubles it, up to the longest. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Milliseconds after which failures are forgotten. */
  readonly forgetMs: number;
};

/** Wrong passwords and codes, by user name and by address. */
export function createSignInFailureTable(database: Kysely<Tables>) {
  return {
    /** Until when nothing is tried for any of these; 0 when something may be. */
    async lockedUntil(subjects: readonly string[]): Promise<number> {
      const rows = await database
        .selectFrom("sign_in_failures")
        .select("locked_until")
        .where("subject", "in", [...subjects])
        .execute();
      return Math.max(0, ...rows.map((row) => Number(row.locked_until)));
    },
    /** Counts a failure; how many there are now, and until when it is locked. */
    async add(subject: string, now: number, rules: LockRules): Promise<{ failures: number; lockedUntil: number }> {
      const row = await database
        .selectFrom("sign_in_failures")
        .selectAll()
        .where("subject", "=", subject)
        .executeTakeFirst();
      const isFresh = row === undefined || Number(row.first_at) < now - rules.forgetMs;
      const failures = isFresh ? 1 : row.failures + 1;
      const over = failures - rules.free;
      const lockedUntil = over < 0 ? 0 : now + Math.min(rules.longestMs, rules.firstMs * 2 ** Math.min(over, 20));
      const values = { failures, first_at: isFresh ? now : Number(row.first_at), locked_until: lockedUntil };
      const insert = database
        .insertInto("sign_in_failures")
        .values({ subject, ...values })
        .onConflict((conflict) => conflict.column("subject").doUpdateSet(values));
      await whenFree(() => insert.execute());
      return { failures, lockedUntil };
    },
    async clear(subject: string): Promise<void> {
      const remove = database.deleteFrom("sign_in_failures").where("subject", "=", subject);
      await whenFree(() => remove.execute());
    },
    /** Failures since a time, over all. */
    async since(at: number): Promise<number> {
      const row = await database
        .selectFrom("sign_in_failures")
        .select((expression) => expression.fn.sum("failures").as("count"))
        .where("first_at", ">=", at)
        .where("subject", "like", "user:%")
        .executeTakeFirst();
      return Number(row?.count ?? 0);
    },
    async prune(before: number): Promise<void> {
      await database.deleteFrom("sign_in_failures").where("first_at", "<", before).execute();
    },
  };
}
