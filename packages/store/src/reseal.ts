import { sql, type Kysely } from "kysely";
import type { Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { whenFree } from "./when-free.ts";

/** Every column that holds sealed values, with what they are bound to. */
const sealedColumns = [
  { table: "responses", id: "id", column: "content", purpose: (id: string) => id },
  { table: "sessions", id: "id", column: "content", purpose: (id: string) => `session ${id}` },
  { table: "credentials", id: "provider", column: "content", purpose: (id: string) => `credential ${id}` },
  { table: "tasks", id: "id", column: "content", purpose: (id: string) => `task ${id}` },
  { table: "tasks", id: "id", column: "result", purpose: (id: string) => `result ${id}` },
  { table: "file_chunks", id: "id", column: "content", purpose: (id: string) => `chunk ${id}` },
  { table: "schedules", id: "id", column: "content", purpose: (id: string) => `schedule ${id}` },
  { table: "webhook_secrets", id: "key_id", column: "content", purpose: (id: string) => `webhook secret ${id}` },
  { table: "logins", id: "id", column: "content", purpose: (id: string) => `login ${id}` },
  { table: "users", id: "id", column: "totp_secret", purpose: (id: string) => `second factor ${id}` },
  { table: "admin_sessions", id: "id", column: "id_token", purpose: (id: string) => `id token ${id}` },
  { table: "config_versions", id: "id", column: "content", purpose: (id: string) => `config ${id}` },
  { table: "idempotent_answers", id: "id", column: "content", purpose: (id: string) => `answer ${id}` },
  { table: "exchange_contents", id: "exchange_id", column: "content", purpose: (id: string) => `exchange ${id}` },
  { table: "alert_channels", id: "id", column: "content", purpose: (id: string) => `channel ${id}` },
] as const;

const rowsAtOnce = 200;

/** Row by row, each only if nobody has changed it meanwhile: what runs beside it loses nothing. */
export async function reseal(database: Kysely<Tables>, box: SecretBox): Promise<number> {
  let count = 0;
  for (const { table, id, column, purpose } of sealedColumns) {
    let after = "";
    for (;;) {
      const { rows } = await sql<{ id: string; content: string }>`
        select ${sql.ref(id)} as id, ${sql.ref(column)} as content from ${sql.table(table)}
        where ${sql.ref(id)} > ${after} and ${sql.ref(column)} is not null order by ${sql.ref(id)} limit ${rowsAtOnce}
      `.execute(database);
      for (const row of rows) {
        if (box.isCurrent(row.content)) continue;
        const anew = box.seal(box.open(row.content, purpose(row.id)), purpose(row.id));
        const update = sql`
          update ${sql.table(table)} set ${sql.ref(column)} = ${anew}
          where ${sql.ref(id)} = ${row.id} and ${sql.ref(column)} = ${row.content}
        `;
        await whenFree(() => update.execute(database));
        count++;
      }
      if (rows.length < rowsAtOnce) break;
      after = rows.at(-1)!.id;
    }
  }
  return count;
}
