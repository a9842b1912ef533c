import type { WorkerToken } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { Tables, WorkerTokenRow } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { whenFree } from "./when-free.ts";

function tokenOf(row: WorkerTokenRow): WorkerToken {
  return {
    id: row.id,
    worker: row.worker,
    prefix: row.prefix,
    createdAt: Number(row.created_at),
    revokedAt: row.revoked_at === null ? null : Number(row.revoked_at),
  };
}

/** Tokens workers connect with. */
export function createWorkerTokenTable(database: Kysely<Tables>, box: SecretBox) {
  return {
    async insert(token: WorkerToken, secret: string): Promise<void> {
      const insert = database.insertInto("worker_tokens").values({
        id: token.id,
        worker: token.worker,
        hash: box.hashKey(secret),
        prefix: token.prefix,
        created_at: token.createdAt,
        revoked_at: token.revokedAt,
      });
      await whenFree(() => insert.execute());
    },
    /** The worker a secret is for, unless it was revoked. */
    async find(secret: string): Promise<WorkerToken | undefined> {
      const row = await database
        .selectFrom("worker_tokens")
        .selectAll()
        .where("hash", "=", box.hashKey(secret))
        .where("revoked_at", "is", null)
        .executeTakeFirst();
      return row && tokenOf(row);
    },
    async list(): Promise<WorkerToken[]> {
      const rows = await database.selectFrom("worker_tokens").selectAll().orderBy("created_at").orderBy("id").execute();
      return rows.map(tokenOf);
    },
    /** False when there is none of this id that still works. */
    async revoke(id: string, at: number): Promise<boolean> {
      const update = database
        .updateTable("worker_tokens")
        .set({ revoked_at: at })
        .where("id", "=", id)
        .where("revoked_at", "is", null);
      return Number((await whenFree(() => update.executeTakeFirst())).numUpdatedRows) > 0;
    },
  };
}
