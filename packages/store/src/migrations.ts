import { sql, type Kysely } from "kysely";
import { deskMigration } from "./desk/migration.ts";
import { jobsMigration } from "./jobs/migration.ts";
import type { Tables } from "./schema.ts";

/** Forward only. Each runs in a transaction of its own, so one cut off by a crash runs again from its beginning. */
export type Migration = { readonly name: string; up(database: Kysely<Tables>, isPostgres: boolean): Promise<void> };

const migrations: readonly Migration[] = [
  {
    name: "0001-first",
    async up(database) {
      const { schema } = database;
      await schema
        .createTable("keys")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("hash", "text", (column) => column.notNull().unique())
        .addColumn("prefix", "text", (column) => column.notNull())
        .addColumn("active", "integer", (column) => column.notNull())
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("expires_at", "bigint")
        .addColumn("models", "text", (column) => column.notNull())
        .addColumn("rpm", "integer")
        .addColumn("notes", "text", (column) => column.notNull())
        .execute();
      // No primary key on the id: an index on text doubles the cost of an insert, and ids sort by time as the table does.
      await schema
        .createTable("exchanges")
        .addColumn("id", "text", (column) => column.notNull())
        .addColumn("started_at", "bigint", (column) => column.notNull())
        .addColumn("duration_ms", "double precision", (column) => column.notNull())
        .addColumn("first_content_ms", "double precision")
        .addColumn("operation", "text", (column) => column.notNull())
        .addColumn("dialect", "text", (column) => column.notNull())
        .addColumn("upstream_dialect", "text", (column) => column.notNull())
        .addColumn("key_id", "text", (column) => column.notNull())
        .addColumn("requested_model", "text", (column) => column.notNull())
        .addColumn("provider", "text", (column) => column.notNull())
        .addColumn("model", "text", (column) => column.notNull())
        .addColumn("stream", "integer", (column) => column.notNull())
        .addColumn("status", "integer", (column) => column.notNull())
        .addColumn("outcome", "text", (column) => column.notNull())
        .addColumn("error_code", "text")
        .addColumn("finish_reason", "text")
        .addColumn("service_tier", "text")
        .addColumn("input_tokens", "bigint")
        .addColumn("output_tokens", "bigint")
        .addColumn("cache_read_tokens", "bigint")
        .addColumn("cache_write_5m_tokens", "bigint")
        .addColumn("cache_write_1h_tokens", "bigint")
        .addColumn("reasoning_tokens", "bigint")
        .addColumn("usage_estimated", "integer")
        .addColumn("cost_nano_usd", "bigint")
        .addColumn("degraded", "text", (column) => column.notNull())
        .execute();
      await schema.createIndex("exchanges_id").on("exchanges").column("id").execute();
      await schema
        .createTable("attempts")
        .addColumn("exchange_id", "text", (column) => column.notNull())
        .addColumn("number", "integer", (column) => column.notNull())
        .addColumn("provider", "text", (column) => column.notNull())
        .addColumn("model", "text", (column) => column.notNull())
        .addColumn("started_at", "bigint", (column) => column.notNull())
        .addColumn("duration_ms", "double precision", (column) => column.notNull())
        .addColumn("status", "integer", (column) => column.notNull())
        .addColumn("error", "text")
        .addColumn("reason", "text")
        .execute();
      await schema.createIndex("attempts_exchange").on("attempts").column("exchange_id").execute();
      await schema
        .createTable("responses")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("key_id", "text", (column) => column.notNull())
        .addColumn("provider", "text")
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("content", "text")
        .execute();
      await schema.createIndex("responses_created").on("responses").column("created_at").execute();
      await schema
        .createTable("settings")
        .addColumn("name", "text", (column) => column.primaryKey())
        .addColumn("value", "text", (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "0002-order-of-exchanges",
    async up(database, isPostgres) {
      // SQLite numbers its rows as it is.
      if (!isPostgres) return;
      await sql`alter table exchanges add column position bigserial`.execute(database);
      await database.schema.createIndex("exchanges_position").on("exchanges").column("position").unique().execute();
      for (const column of ["key_id", "provider", "model", "requested_model", "status", "error_code"])
        await sql`create index ${sql.ref(`exchanges_${column}`)} on exchanges (${sql.ref(column)}, position)`.execute(
          database,
        );
    },
  },
  {
    name: "0003-sessions-and-accounts",
    async up({ schema }) {
      await schema
        .createTable("sessions")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("key_id", "text", (column) => column.notNull())
        .addColumn("provider", "text", (column) => column.notNull())
        .addColumn("account", "text", (column) => column.notNull())
        .addColumn("resume_id", "text")
        .addColumn("content", "text", (column) => column.notNull())
        .addColumn("turns", "integer", (column) => column.notNull())
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("used_at", "bigint", (column) => column.notNull())
        .addColumn("locked_until", "bigint", (column) => column.notNull())
        .execute();
      await schema.createIndex("sessions_used").on("sessions").columns(["provider", "used_at"]).execute();
      await schema
        .createTable("account_states")
        .addColumn("provider", "text", (column) => column.notNull())
        .addColumn("account", "text", (column) => column.notNull())
        .addColumn("state", "text", (column) => column.notNull())
        .addColumn("updated_at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("account_states_key", ["provider", "account"])
        .execute();
    },
  },
  {
    name: "0004-kill-switches",
    async up({ schema }) {
      await schema
        .createTable("kill_switches")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("scope", "text", (column) => column.notNull())
        .addColumn("name", "text", (column) => column.notNull())
        .addColumn("reason", "text", (column) => column.notNull())
        .addColumn("set_at", "bigint", (column) => column.notNull())
        .addColumn("set_by", "text", (column) => column.notNull())
        .addColumn("lifted_at", "bigint")
        .addColumn("lifted_by", "text")
        .execute();
      await schema
        .createIndex("kill_switches_in_force")
        .on("kill_switches")
        .columns(["scope", "name"])
        .unique()
        .where(sql.ref("lifted_at"), "is", null)
        .execute();
    },
  },
  {
    name: "0005-routes-and-limits",
    async up({ schema }) {
      const columns = [
        ["exchanges", "route", "text"],
        ["exchanges", "cache", "text"],
        ["exchanges", "saved_nano_usd", "bigint"],
        ["attempts", "skipped", "integer"],
        ["attempts", "until", "bigint"],
        ["keys", "user_name", "text"],
        ["keys", "group_name", "text"],
        ["keys", "limits", "text"],
      ] as const;
      for (const [table, column, type] of columns) await schema.alterTable(table).addColumn(column, type).execute();
      await schema
        .createTable("budget_spent")
        .addColumn("budget", "text", (column) => column.notNull())
        .addColumn("slot", "bigint", (column) => column.notNull())
        .addColumn("amount", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("budget_spent_key", ["budget", "slot"])
        .execute();
      await schema
        .createTable("budget_reserved")
        .addColumn("budget", "text", (column) => column.notNull())
        .addColumn("slot", "bigint", (column) => column.notNull())
        .addColumn("holder", "text", (column) => column.notNull())
        .addColumn("amount", "bigint", (column) => column.notNull())
        .addColumn("seen_at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("budget_reserved_key", ["budget", "slot", "holder"])
        .execute();
    },
  },
  {
    name: "0006-credentials",
    async up({ schema }) {
      await schema
        .createTable("credentials")
        .addColumn("provider", "text", (column) => column.primaryKey())
        .addColumn("content", "text", (column) => column.notNull())
        .addColumn("state", "text", (column) => column.notNull())
        .addColumn("problem", "text")
        .addColumn("skew_ms", "bigint", (column) => column.notNull())
        .addColumn("version", "bigint", (column) => column.notNull())
        .addColumn("locked_until", "bigint", (column) => column.notNull())
        .addColumn("updated_at", "bigint", (column) => column.notNull())
        .execute();
      await schema
        .createTable("logins")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("provider", "text", (column) => column.notNull())
        .addColumn("flow", "text", (column) => column.notNull())
        .addColumn("status", "text", (column) => column.notNull())
        .addColumn("problem", "text")
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("expires_at", "bigint", (column) => column.notNull())
        .addColumn("content", "text", (column) => column.notNull())
        .execute();
    },
  },
  {
    name: "0007-worker-tokens",
    async up({ schema }) {
      await schema
        .createTable("worker_tokens")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("worker", "text", (column) => column.notNull())
        .addColumn("hash", "text", (column) => column.notNull().unique())
        .addColumn("prefix", "text", (column) => column.notNull())
        .addColumn("created_at", "bigint", (column) => column.notNull())
        .addColumn("revoked_at", "bigint")
        .execute();
    },
  },
  jobsMigration,
  {
    name: "0009-grace-of-rotated-keys",
    async up({ schema }) {
      await schema.alterTable("keys").addColumn("old_hash", "text").execute();
      await schema.alterTable("keys").addColumn("old_until", "bigint").execute();
      await schema.createIndex("keys_old_hash").on("keys").column("old_hash").execute();
    },
  },
  deskMigration,
];

/** Brings the database to the newest schema. Throws when it is newer than this program. */
export async function migrate(database: Kysely<Tables>, now: number, isPostgres: boolean): Promise<void> {
  await sql`create table if not exists migrations (name text primary key, applied_at bigint not null)`.execute(
    database,
  );
  const applied = new Set((await database.selectFrom("migrations").select("name").execute()).map((row) => row.name));
  const unknown = [...applied].filter((name) => !migrations.some((migration) => migration.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `The database was written by a newer Trunkline (it holds ${unknown.join(", ")}). Update Trunkline, or restore a backup made by this version.`,
    );
  }
  for (const migration of migrations) {
    if (applied.has(migration.name)) continue;
    await database.transaction().execute(async (transaction) => {
      await migration.up(transaction, isPostgres);
      await transaction.insertInto("migrations").values({ name: migration.name, applied_at: now }).execute();
    });
  }
}
