import { sql, type Kysely } from "kysely";
import type { Migration } from "../migrations.ts";
import type { Tables } from "../schema.ts";
import { latencyBounds, slotLengths } from "../statistics/slots.ts";
import { table } from "../table.ts";

/** The bucket of a column of milliseconds, as the bounds have it. */
export function bucketOf(column: string): string {
  const steps = latencyBounds.map((bound, bucket) => `when ${column} <= ${bound} then ${bucket}`);
  return `case ${steps.join(" ")} else ${latencyBounds.length} end`;
}

/** What was written before there were statistics is counted once. */
async function backfill(database: Kysely<Tables>): Promise<void> {
  for (const slotMs of slotLengths) {
    const slot = sql.raw(`started_at / ${slotMs} * ${slotMs}`);
    const isHit = sql.raw("(cache is not null and cache = 'hit')");
    const fresh = (column: string) => sql`sum(case when ${isHit} then 0 else coalesce(${sql.ref(column)}, 0) end)`;
    const writes = sql.raw("coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)");
    await sql`
      insert into usage_slots
      select ${sql.lit(slotMs)}, ${slot}, key_id, provider, model, dialect, coalesce(error_code, ''), count(*),
        sum(case when outcome = 'error' then 1 else 0 end), sum(case when outcome = 'cancelled' then 1 else 0 end),
        ${fresh("input_tokens")}, ${fresh("output_tokens")}, ${fresh("cache_read_tokens")},
        sum(case when ${isHit} then 0 else ${writes} end), ${fresh("reasoning_tokens")},
        sum(coalesce(cost_nano_usd, 0)),
        sum(case when cost_nano_usd is null and usage_estimated is not null then 1 else 0 end),
        sum(case when ${isHit} then 1 else 0 end), sum(coalesce(saved_nano_usd, 0))
      from exchanges group by 2, 3, 4, 5, 6, 7
    `.execute(database);
    for (const [measure, column, condition] of [
      ["total", "duration_ms", "outcome = 'ok'"],
      ["first", "first_content_ms", "outcome = 'ok' and stream = 1 and first_content_ms is not null"],
    ] as const)
      await sql`
        insert into latency_slots
        select ${sql.lit(slotMs)}, ${slot}, key_id, provider, model, dialect, ${sql.lit(measure)},
          ${sql.raw(bucketOf(column))}, count(*)
        from exchanges where ${sql.raw(condition)} group by 2, 3, 4, 5, 6, 8
      `.execute(database);
  }
}

/** Statistics are found by their time: in SQLite the rows themselves lie in that order. */
async function slots(database: Kysely<Tables>, isPostgres: boolean): Promise<void> {
  const key = ["slot_ms", "slot", "key_id", "provider", "model", "dialect"] as const;
  const make = async (name: string, more: Readonly<Record<string, "text" | "integer">>, sums: readonly string[]) => {
    const columns = [
      "slot_ms integer not null",
      "slot bigint not null",
      ...key.slice(2).map((column) => `${column} text not null`),
      ...Object.entries(more).map(([column, type]) => `${column} ${type} not null`),
      ...sums.map((column) => `${column} bigint not null`),
      `primary key (${[...key, ...Object.keys(more)].join(", ")})`,
    ];
    await sql`${sql.raw(`create table ${name} (${columns.join(", ")})${isPostgres ? "" : " without rowid"}`)}`.execute(
      database,
    );
  };
  await make("usage_slots", { error_code: "text" }, [
    "requests",
    "errors",
    "cancelled",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_nano_usd",
    "unpriced",
    "cache_hits",
    "saved_nano_usd",
  ]);
  await make("latency_slots", { measure: "text", bucket: "integer" }, ["count"]);
}

export const deskMigration: Migration = {
  name: "0010-desk",
  async up(database, isPostgres) {
    const { schema } = database;
    await schema.alterTable("exchanges").addColumn("session_id", "text").execute();
    await schema.alterTable("exchanges").addColumn("client", "text").execute();
    await slots(database, isPostgres);
    await backfill(database);
    await table(database, "users", {
      id: "text",
      name: "text",
      email: "text",
      role: "text",
      group_name: "text?",
      notes: "text",
      active: "integer",
      password_hash: "text?",
      totp_secret: "text?",
      totp_confirmed: "integer",
      totp_step: "bigint",
      issuer: "text?",
      subject: "text?",
      created_at: "bigint",
      signed_in_at: "bigint?",
    });
    await schema.createIndex("users_name").on("users").column("name").unique().execute();
    await schema.createIndex("users_subject").on("users").columns(["issuer", "subject"]).unique().execute();
    await table(database, "groups", { name: "text", notes: "text", created_at: "bigint" });
    await table(database, "admin_sessions", {
      id: "text",
      hash: "text",
      user_id: "text",
      method: "text",
      created_at: "bigint",
      used_at: "bigint",
      expires_at: "bigint",
      address: "text",
      agent: "text",
      id_token: "text?",
    });
    await schema.createIndex("admin_sessions_hash").on("admin_sessions").column("hash").unique().execute();
    await table(database, "sign_in_failures", {
      subject: "text",
      failures: "integer",
      first_at: "bigint",
      locked_until: "bigint",
    });
    await table(database, "audit", {
      number: "bigint",
      at: "bigint",
      actor: "text",
      action: "text",
      target: "text",
      before: "text?",
      after: "text?",
      address: "text",
      request_id: "text",
      hash: "text",
    });
    await table(database, "config_versions", {
      id: "text",
      at: "bigint",
      actor: "text",
      tag: "text",
      content: "text",
    });
    await table(database, "idempotent_answers", {
      id: "text",
      fingerprint: "text",
      status: "integer",
      content: "text",
      created_at: "bigint",
    });
    await table(database, "exchange_contents", { exchange_id: "text", started_at: "bigint", content: "text" });
    await table(database, "alert_rules", {
      id: "text",
      kind: "text",
      enabled: "integer",
      threshold: "double precision?",
      channels: "text",
      quiet_minutes: "integer",
    });
    await table(database, "alert_channels", {
      id: "text",
      name: "text",
      kind: "text",
      enabled: "integer",
      content: "text",
    });
    await table(database, "alert_events", {
      id: "text",
      kind: "text",
      subject: "text",
      title: "text",
      text: "text",
      at: "bigint",
      deliveries: "text",
    });
    await schema.createIndex("alert_events_subject").on("alert_events").columns(["kind", "subject", "at"]).execute();
  },
};
