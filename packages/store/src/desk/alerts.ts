import type { AlertChannel, AlertEvent, AlertKind, AlertRule, ChannelKind } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import { isOlder } from "../is-older.ts";
import type { Tables } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";
import { whenFree } from "../when-free.ts";

/** What is watched, where it is told, and what was told. Addresses of channels are secrets and encrypted. */
export function createAlertTable(database: Kysely<Tables>, box: SecretBox) {
  const purpose = (id: string) => `channel ${id}`;
  const upsert = async (table: "alert_rules" | "alert_channels", row: { readonly id: string }) => {
    const { id: _id, ...values } = row;
    const insert = database
      .insertInto(table)
      .values(row as never)
      .onConflict((conflict) => conflict.column("id").doUpdateSet(values as never));
    await whenFree(() => insert.execute());
  };

  return {
    async rules(): Promise<AlertRule[]> {
      const rows = await database.selectFrom("alert_rules").selectAll().orderBy("kind").orderBy("id").execute();
      return rows.map((row) => ({
        id: row.id,
        kind: row.kind as AlertKind,
        isEnabled: row.enabled === 1,
        threshold: row.threshold,
        channels: JSON.parse(row.channels) as string[],
        quietMinutes: row.quiet_minutes,
      }));
    },
    putRule: ({ id, kind, isEnabled, threshold, channels, quietMinutes }: AlertRule) =>
      upsert("alert_rules", {
        id,
        kind,
        enabled: isEnabled ? 1 : 0,
        threshold,
        channels: JSON.stringify(channels),
        quiet_minutes: quietMinutes,
      } as never),
    async removeRule(id: string): Promise<void> {
      await database.deleteFrom("alert_rules").where("id", "=", id).execute();
    },
    async channels(): Promise<AlertChannel[]> {
      const rows = await database.selectFrom("alert_channels").selectAll().orderBy("name").orderBy("id").execute();
      return rows.map((row) => ({
        id: row.id,
        name: row.name,
        kind: row.kind as ChannelKind,
        isEnabled: row.enabled === 1,
        settings: JSON.parse(box.open(row.content, purpose(row.id))) as Record<string, string>,
      }));
    },
    putChannel: ({ id, name, kind, isEnabled, settings }: AlertChannel) =>
      upsert("alert_channels", {
        id,
        name,
        kind,
        enabled: isEnabled ? 1 : 0,
        content: box.seal(JSON.stringify(settings), purpose(id)),
      } as never),
    async removeChannel(id: string): Promise<void> {
      await database.deleteFrom("alert_channels").where("id", "=", id).execute();
    },
    /** When the same was last noticed. */
    async lastOf(kind: AlertKind, subject: string): Promise<number | undefined> {
      const row = await database
        .selectFrom("alert_events")
        .select((expression) => expression.fn.max("at").as("at"))
        .where("kind", "=", kind)
        .where("subject", "=", subject)
        .executeTakeFirst();
      return row?.at == null ? undefined : Number(row.at);
    },
    /** False when it is there already: somebody else has noticed it. */
    async claimEvent(event: AlertEvent): Promise<boolean> {
      const insert = database
        .insertInto("alert_events")
        .values({ ...event, deliveries: JSON.stringify(event.deliveries) })
        .onConflict((conflict) => conflict.column("id").doNothing());
      return Number((await whenFree(() => insert.executeTakeFirst())).numInsertedOrUpdatedRows ?? 0) > 0;
    },
    async putEvent(event: AlertEvent): Promise<void> {
      const deliveries = JSON.stringify(event.deliveries);
      const insert = database
        .insertInto("alert_events")
        .values({ ...event, deliveries })
        .onConflict((conflict) => conflict.column("id").doUpdateSet({ deliveries }));
      await whenFree(() => insert.execute());
    },
    /** Newest first; only those before an event's time and id. */
    async events(limit: number, before?: { readonly at: number; readonly id: string }): Promise<AlertEvent[]> {
      let query = database.selectFrom("alert_events").selectAll();
      if (before) query = query.where(isOlder("at", before));
      const rows = await query.orderBy("at", "desc").orderBy("id", "desc").limit(limit).execute();
      return rows.map((row) => ({
        ...row,
        kind: row.kind as AlertKind,
        at: Number(row.at),
        deliveries: JSON.parse(row.deliveries) as Record<string, string | null>,
      }));
    },
    async prune(before: number): Promise<void> {
      await database.deleteFrom("alert_events").where("at", "<", before).execute();
    },
  };
}
