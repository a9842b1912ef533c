import type { AccountState } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { Tables } from "./schema.ts";
import { whenFree } from "./when-free.ts";

/** What is known of providers' accounts: their plans' windows, and why one rests. */
export function createAccountStateTable(database: Kysely<Tables>, now: () => number) {
  return {
    async load(provider: string): Promise<Map<string, AccountState>> {
      const rows = await database
        .selectFrom("account_states")
        .select(["account", "state"])
        .where("provider", "=", provider)
        .execute();
      return new Map(rows.map(({ account, state }) => [account, JSON.parse(state) as AccountState]));
    },
    async save(provider: string, account: string, state: AccountState): Promise<void> {
      const values = { state: JSON.stringify(state), updated_at: now() };
      const insert = database
        .insertInto("account_states")
        .values({ provider, account, ...values })
        .onConflict((conflict) => conflict.columns(["provider", "account"]).doUpdateSet(values));
      await whenFree(() => insert.execute());
    },
    async remove(provider: string, account: string): Promise<void> {
      const remove = database
        .deleteFrom("account_states")
        .where("provider", "=", provider)
        .where("account", "=", account);
      await whenFree(() => remove.execute());
    },
  };
}
