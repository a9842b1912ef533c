import type { Kysely } from "kysely";
import type { Tables } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";
import { whenFree } from "../when-free.ts";

/** What callbacks of a key's tasks are signed with; after a change, for a while, with the one before as well. */
export type WebhookSecrets = {
  readonly current: string;
  readonly previous: string | null;
  /** The one before is used until then; 0 when there is none. */
  readonly previousUntil: number;
};

/** One a key, encrypted under `secret.key`. */
export function createWebhookSecretTable(database: Kysely<Tables>, box: SecretBox) {
  const purposeOf = (keyId: string) => `webhook secret ${keyId}`;

  async function find(keyId: string): Promise<WebhookSecrets | undefined> {
    const row = await database
      .selectFrom("webhook_secrets")
      .select("content")
      .where("key_id", "=", keyId)
      .executeTakeFirst();
    return row && (JSON.parse(box.open(row.content, purposeOf(keyId))) as WebhookSecrets);
  }

  return {
    find,
    /** The first that is made for a key stays, whoever makes another at the same moment. */
    async make(keyId: string, secrets: WebhookSecrets): Promise<WebhookSecrets> {
      const content = box.seal(JSON.stringify(secrets), purposeOf(keyId));
      const insert = database
        .insertInto("webhook_secrets")
        .values({ key_id: keyId, content })
        .onConflict((conflict) => conflict.doNothing());
      await whenFree(() => insert.execute());
      return (await find(keyId))!;
    },
    async replace(keyId: string, secrets: WebhookSecrets): Promise<void> {
      const content = box.seal(JSON.stringify(secrets), purposeOf(keyId));
      const update = database.updateTable("webhook_secrets").set({ content }).where("key_id", "=", keyId);
      await whenFree(() => update.execute());
    },
  };
}
