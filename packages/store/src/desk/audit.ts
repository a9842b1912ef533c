import { createHash } from "node:crypto";
import type { AuditEntry, NewAuditEntry } from "@trunkline/contracts";
import { sql, type Kysely } from "kysely";
import type { AuditRow, Tables } from "../schema.ts";
import { wholeWhenFree } from "../when-free.ts";

const beginning = "0".repeat(64);

/** SHA-256 over the hash before and every member in a fixed order: none can be changed, moved or taken out unseen. */
function hashOf(previous: string, number: number, entry: NewAuditEntry): string {
  const { at, actor, action, target, before, after, address, requestId } = entry;
  const members = [previous, number, at, actor, action, target, before, after, address, requestId];
  return createHash("sha256").update(JSON.stringify(members)).digest("hex");
}

function entryOf(row: AuditRow): AuditEntry {
  return {
    number: Number(row.number),
    at: Number(row.at),
    actor: row.actor,
    action: row.action,
    target: row.target,
    before: row.before,
    after: row.after,
    address: row.address,
    requestId: row.request_id,
    hash: row.hash,
  };
}

/** Who does what, to what; the rest is known once it is done. */
export type AuditedBy = Omit<NewAuditEntry, "before" | "after">;

/** What was done, as it goes into the log: no secrets. */
export type Audited<T> = {
  readonly result: T;
  readonly before?: unknown;
  readonly after?: unknown;
  /** Where it is known only now. */
  readonly target?: string;
};

const textOf = (value: unknown) => (value === null || value === undefined ? null : JSON.stringify(value));

export type AuditFilter = {
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly since?: number;
  readonly until?: number;
  /** Only entries of lower numbers. */
  readonly before?: number;
  readonly limit: number;
};

export type AuditCheck =
  | { readonly isWhole: true; readonly entries: number; readonly lastHash: string }
  | { readonly isWhole: false; readonly number: number; readonly problem: string };

const checkedAtOnce = 1000;

export function createAuditTable(database: Kysely<Tables>, isPostgres: boolean) {
  /** One after the other: what a change has read is what it changes, and each entry is bound to the one before. SQLite sees to that itself. */
  async function alone(transaction: Kysely<Tables>): Promise<void> {
    if (isPostgres) await sql`select pg_advisory_xact_lock(7246330981)`.execute(transaction);
  }

  async function append(transaction: Kysely<Tables>, entry: NewAuditEntry): Promise<void> {
    const last = await transaction
      .selectFrom("audit")
      .select(["number", "hash"])
      .orderBy("number", "desc")
      .limit(1)
      .executeTakeFirst();
    const number = Number(last?.number ?? 0) + 1;
    const { requestId, ...rest } = entry;
    const hash = hashOf(last?.hash ?? beginning, number, entry);
    await transaction
      .insertInto("audit")
      .values({ number, ...rest, request_id: requestId, hash })
      .execute();
  }

  return {
    /** Does something and writes it down, or neither. What is done may only be statements: others use the connection in between. */
    record<T>(who: AuditedBy, change: (transaction: Kysely<Tables>) => Promise<Audited<T>>): Promise<T> {
      return wholeWhenFree(() =>
        database.transaction().execute(async (transaction) => {
          await alone(transaction);
          const { result, before = null, after = null, target = who.target } = await change(transaction);
          await append(transaction, { ...who, target, before: textOf(before), after: textOf(after) });
          return result;
        }),
      );
    },
    append: (entry: NewAuditEntry) =>
      wholeWhenFree(() =>
        database.transaction().execute(async (transaction) => {
          await alone(transaction);
          await append(transaction, entry);
        }),
      ),
    /** Newest first. */
    async list({ limit, ...filter }: AuditFilter): Promise<AuditEntry[]> {
      let query = database.selectFrom("audit").selectAll();
      if (filter.actor !== undefined) query = query.where("actor", "=", filter.actor);
      if (filter.action !== undefined) query = query.where("action", "=", filter.action);
      if (filter.target !== undefined) query = query.where("target", "=", filter.target);
      if (filter.since !== undefined) query = query.where("at", ">=", filter.since);
      if (filter.until !== undefined) query = query.where("at", "<", filter.until);
      if (filter.before !== undefined) query = query.where("number", "<", filter.before);
      return (await query.orderBy("number", "desc").limit(limit).execute()).map(entryOf);
    },
    /** Goes through the whole chain. An entry cut off the end is not seen by it: keep the last hash elsewhere to see that too. */
    async verify(): Promise<AuditCheck> {
      let previous = beginning;
      let number = 0;
      for (;;) {
        const rows = await database
          .selectFrom("audit")
          .selectAll()
          .where("number", ">", number)
          .orderBy("number")
          .limit(checkedAtOnce)
          .execute();
        for (const entry of rows.map(entryOf)) {
          number++;
          if (entry.number !== number)
            return { isWhole: false, number, problem: `entry ${number} is missing; entry ${entry.number} follows` };
          if (entry.hash !== hashOf(previous, number, entry))
            return { isWhole: false, number, problem: `entry ${number} was changed, or the one before it` };
          previous = entry.hash;
        }
        if (rows.length < checkedAtOnce) return { isWhole: true, entries: number, lastHash: previous };
      }
    },
  };
}

export type AuditTable = ReturnType<typeof createAuditTable>;
