import { timingSafeEqual } from "node:crypto";
import { noLimits, type Key } from "@trunkline/contracts";
import { sql, type Kysely } from "kysely";
import type { KeyRow, Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";

export type KeyChange = Partial<
  Pick<Key, "name" | "active" | "expiresAt" | "models" | "rpm" | "notes" | "user" | "group" | "limits">
>;

export type KeyTable = {
  insert(key: Key, secret: string): Promise<void>;
  /** The key whose secret this is, whatever its state. */
  find(secret: string): Promise<Key | undefined>;
  list(): Promise<Key[]>;
  /** By id, or by name where that is unique. */
  get(idOrName: string): Promise<Key | undefined>;
  update(id: string, change: KeyChange): Promise<void>;
  /** The secret before works on until `graceUntil`; of several rotations, only the last one's. */
  replaceSecret(id: string, secret: string, prefix: string, graceUntil?: number): Promise<void>;
  count(): Promise<number>;
};

const { rpm: _rpm, ...noKeyLimits } = noLimits;

function limitsText(limits: Key["limits"]): string | null {
  const isNone =
    limits.budgets.length === 0 && Object.values(limits).every((value) => value === null || Array.isArray(value));
  return isNone ? null : JSON.stringify(limits);
}

function keyOf(row: KeyRow): Key {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    active: row.active === 1,
    createdAt: Number(row.created_at),
    expiresAt: row.expires_at === null ? null : Number(row.expires_at),
    models: JSON.parse(row.models) as string[],
    rpm: row.rpm,
    notes: row.notes,
    user: row.user_name,
    group: row.group_name,
    limits: row.limits === null ? noKeyLimits : (JSON.parse(row.limits) as Key["limits"]),
  };
}

export function createKeyTable(database: Kysely<Tables>, box: SecretBox, now: () => number): KeyTable {
  return {
    async insert(key, secret) {
      await database
        .insertInto("keys")
        .values({
          id: key.id,
          name: key.name,
          hash: box.hashKey(secret),
          prefix: key.prefix,
          active: key.active ? 1 : 0,
          created_at: key.createdAt,
          expires_at: key.expiresAt,
          models: JSON.stringify(key.models),
          rpm: key.rpm,
          notes: key.notes,
          user_name: key.user,
          group_name: key.group,
          limits: limitsText(key.limits),
          old_hash: null,
          old_until: null,
        })
        .execute();
    },
    async find(secret) {
      const hash = box.hashKey(secret);
      const row = await database
        .selectFrom("keys")
        .selectAll()
        .where((where) =>
          where.or([
            where("hash", "=", hash),
            where.and([where("old_hash", "=", hash), where("old_until", ">", now())]),
          ]),
        )
        .executeTakeFirst();
      const found = row?.hash === hash ? row.hash : row?.old_hash;
      return row && found && timingSafeEqual(Buffer.from(found), Buffer.from(hash)) ? keyOf(row) : undefined;
    },
    async list() {
      const rows = await database.selectFrom("keys").selectAll().orderBy("created_at").orderBy("id").execute();
      return rows.map(keyOf);
    },
    async get(idOrName) {
      const rows = await database
        .selectFrom("keys")
        .selectAll()
        .where((expression) => expression.or([expression("id", "=", idOrName), expression("name", "=", idOrName)]))
        .execute();
      const exact = rows.find((row) => row.id === idOrName) ?? (rows.length === 1 ? rows[0] : undefined);
      return exact ? keyOf(exact) : undefined;
    },
    async update(id, change) {
      await database
        .updateTable("keys")
        .set({
          ...(change.name === undefined ? {} : { name: change.name }),
          ...(change.active === undefined ? {} : { active: change.active ? 1 : 0 }),
          ...(change.expiresAt === undefined ? {} : { expires_at: change.expiresAt }),
          ...(change.models === undefined ? {} : { models: JSON.stringify(change.models) }),
          ...(change.rpm === undefined ? {} : { rpm: change.rpm }),
          ...(change.notes === undefined ? {} : { notes: change.notes }),
          ...(change.user === undefined ? {} : { user_name: change.user }),
          ...(change.group === undefined ? {} : { group_name: change.group }),
          ...(change.limits === undefined ? {} : { limits: limitsText(change.limits) }),
        })
        .where("id", "=", id)
        .execute();
    },
    async replaceSecret(id, secret, prefix, graceUntil = 0) {
      await database
        .updateTable("keys")
        .set({ hash: box.hashKey(secret), prefix, old_hash: sql`hash`, old_until: graceUntil })
        .where("id", "=", id)
        .execute();
    },
    async count() {
      const row = await database
        .selectFrom("keys")
        .select((expression) => expression.fn.countAll().as("count"))
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },
  };
}
