import type { CredentialChange, CredentialRecord, CredentialState, KeptCredential } from "@trunkline/contracts";
import { sql, type Kysely } from "kysely";
import type { CredentialRow, Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { whenFree } from "./when-free.ts";

/** One a provider. Tokens are encrypted under `secret.key` and bound to their provider. */
export function createCredentialTable(database: Kysely<Tables>, box: SecretBox, now: () => number) {
  const purposeOf = (provider: string) => `credential ${provider}`;

  function recordOf(row: CredentialRow): CredentialRecord {
    return {
      credential: JSON.parse(box.open(row.content, purposeOf(row.provider))) as KeptCredential,
      state: row.state as CredentialState,
      problem: row.problem,
      skewMs: Number(row.skew_ms),
      version: Number(row.version),
      updatedAt: Number(row.updated_at),
    };
  }

  const columns = (provider: string, { credential, state, problem, skewMs }: CredentialChange) => ({
    content: box.seal(JSON.stringify(credential), purposeOf(provider)),
    state,
    problem,
    skew_ms: Math.round(skewMs),
    updated_at: now(),
    locked_until: 0,
  });

  return {
    async load(provider: string): Promise<CredentialRecord | undefined> {
      const row = await database
        .selectFrom("credentials")
        .selectAll()
        .where("provider", "=", provider)
        .executeTakeFirst();
      return row && recordOf(row);
    },
    /** Replaces what there is, whoever is about to renew it. */
    async put(provider: string, change: CredentialChange): Promise<void> {
      const values = columns(provider, change);
      const insert = database
        .insertInto("credentials")
        .values({ provider, version: 1, ...values })
        .onConflict((conflict) =>
          conflict.column("provider").doUpdateSet({ ...values, version: sql`credentials.version + 1` }),
        );
      await whenFree(() => insert.execute());
    },
    /** Of all that want to renew the same version, one may, until a time. */
    async lock(provider: string, version: number, until: number): Promise<boolean> {
      const take = database
        .updateTable("credentials")
        .set({ locked_until: until })
        .where("provider", "=", provider)
        .where("version", "=", version)
        .where("locked_until", "<=", now());
      return Number((await whenFree(() => take.executeTakeFirst())).numUpdatedRows) > 0;
    },
    /** Writes what a renewal has brought; false when the credential was replaced or removed meanwhile. */
    async renew(provider: string, version: number, change: CredentialChange): Promise<boolean> {
      const update = database
        .updateTable("credentials")
        .set({ ...columns(provider, change), version: version + 1 })
        .where("provider", "=", provider)
        .where("version", "=", version);
      return Number((await whenFree(() => update.executeTakeFirst())).numUpdatedRows) > 0;
    },
    async unlock(provider: string, version: number): Promise<void> {
      const update = database
        .updateTable("credentials")
        .set({ locked_until: 0 })
        .where("provider", "=", provider)
        .where("version", "=", version);
      await whenFree(() => update.execute());
    },
    async remove(provider: string): Promise<void> {
      const remove = database.deleteFrom("credentials").where("provider", "=", provider);
      await whenFree(() => remove.execute());
    },
  };
}
