import { sql, type Kysely, type RawBuilder } from "kysely";
import type { Tables } from "../schema.ts";
import { coarseSlotMs, daySlotMs, fineSlotMs, percentileOf, usageSums } from "./slots.ts";

export const dimensions = ["key", "user", "group", "provider", "model", "dialect", "error"] as const;
export type Dimension = (typeof dimensions)[number];

export type StatisticsQuestion = {
  /** Milliseconds since the epoch; `until` is not part of it. */
  readonly since: number;
  readonly until: number;
  /** Milliseconds a bucket is long: a multiple of a minute; null makes one bucket of all. */
  readonly bucketMs: number | null;
  /** Milliseconds to the east of UTC: where days begin. */
  readonly offsetMs?: number;
  /** Undefined makes one group of all. */
  readonly by?: Dimension;
  readonly keyIds?: readonly string[];
  readonly provider?: string;
  readonly model?: string;
  /** Only what ended in this error; durations are not told of it. */
  readonly error?: string;
};

export type Sums = { readonly [Name in (typeof usageSums)[number]]: number };

export type StatisticsRow = Sums & {
  /** When the bucket began. */
  readonly at: number;
  /** Value of the dimension; empty without one, and where an exchange has none. */
  readonly name: string;
  /** Milliseconds; null where nothing was counted. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly firstP50: number | null;
  readonly firstP95: number | null;
};

const dayMs = 86_400_000;
/** Milliseconds minutes are kept; longer ago there are half hours. */
export const fineKeptMs = 2 * dayMs;

/** The longest stretches the question can be answered from. */
export function slotFor({ since, until, bucketMs, offsetMs = 0 }: StatisticsQuestion, now: number): number {
  const fits = (slotMs: number) => bucketMs === null || bucketMs % slotMs === 0;
  const isWhole = since % daySlotMs === 0 && (until > now || until % daySlotMs === 0) && offsetMs === 0;
  if (isWhole && fits(daySlotMs)) return daySlotMs;
  return since >= now - fineKeptMs && (bucketMs === null || !fits(coarseSlotMs)) ? fineSlotMs : coarseSlotMs;
}

/** The name of a group in SQL. Latencies know no errors: only answers that ended well are in them. */
function nameOf(by: Dimension | undefined, isUsage: boolean): RawBuilder<string> {
  switch (by) {
    case undefined:
      return sql`cast('' as text)`;
    case "key":
      return sql`slots.key_id`;
    case "user":
      return sql`coalesce(keys.user_name, '')`;
    case "group":
      return sql`coalesce(keys.group_name, '')`;
    case "error":
      return isUsage ? sql`slots.error_code` : sql`cast('' as text)`;
    case "model":
      // A model's own name says little without its provider's.
      return sql`case when slots.provider = '' then slots.model else slots.provider || '/' || slots.model end`;
    case "provider":
    case "dialect":
      return sql`${sql.ref(`slots.${by}`)}`;
  }
}

export type Statistics = {
  read(question: StatisticsQuestion): Promise<StatisticsRow[]>;
  /** The same for what is read in a moment: it needs no thread of its own. */
  readSmall(question: StatisticsQuestion): Promise<StatisticsRow[]>;
};

/** Sums and percentiles over stretches of time, read from what was counted when exchanges ended. */
export function createStatistics(database: Kysely<Tables>, reader: Kysely<Tables>, now: () => number): Statistics {
  const readFrom = (using: Kysely<Tables>) => async (question: StatisticsQuestion) => {
    const { since, until, bucketMs, offsetMs = 0, by, keyIds, provider, model, error } = question;
    const slotMs = slotFor(question, now());
    const from = Math.floor(since / slotMs) * slotMs;
    const number = (value: number) => sql.raw(String(Math.round(value)));
    const at =
      bucketMs === null
        ? sql<number>`min(${number(from)})`
        : sql<number>`(slots.slot + ${number(offsetMs)}) / ${number(bucketMs)} * ${number(bucketMs)} - ${number(offsetMs)}`;
    const conditions = [
      sql`slots.slot_ms = ${number(slotMs)} and slots.slot >= ${number(from)} and slots.slot < ${number(until)}`,
      ...(keyIds ? [keyIds.length > 0 ? sql`slots.key_id in (${sql.join(keyIds)})` : sql`1 = 0`] : []),
      ...(provider === undefined ? [] : [sql`slots.provider = ${provider}`]),
      ...(model === undefined ? [] : [sql`slots.model = ${model}`]),
    ];
    const joined = by === "user" || by === "group" ? sql`left join keys on keys.id = slots.key_id` : sql``;
    const failed = error === undefined ? [] : [sql`slots.error_code = ${error}`];
    const rest = (table: string, where: typeof conditions, groups: readonly RawBuilder<unknown>[]) =>
      sql`from ${sql.table(table)} as slots ${joined} where ${sql.join(where, sql` and `)} group by ${sql.join(bucketMs === null ? groups : [...groups, at])}`;

    const usageName = nameOf(by, true);
    const sums = sql.join(usageSums.map((sum) => sql`sum(${sql.ref(`slots.${sum}`)}) as ${sql.ref(sum)}`));
    const { rows: usage } = await sql<Sums & { at: number; name: string }>`
        select ${at} as at, ${usageName} as name, ${sums} ${rest("usage_slots", [...conditions, ...failed], [usageName])} order by 1
      `.execute(using);
    const latencyName = nameOf(by, false);
    const { rows: latency } = await sql<{ at: number; name: string; measure: string; bucket: number; count: number }>`
        select ${at} as at, ${latencyName} as name, slots.measure as measure, slots.bucket as bucket, sum(slots.count) as count
        ${rest("latency_slots", conditions, [latencyName, sql`slots.measure`, sql`slots.bucket`])}
      `.execute(using);

    const counts = new Map<string, Map<number, number>>();
    for (const row of latency) {
      const name = `${row.measure} ${Number(row.at)} ${row.name}`;
      let found = counts.get(name);
      if (!found) counts.set(name, (found = new Map()));
      found.set(Number(row.bucket), Number(row.count));
    }
    const none = new Map<number, number>();
    return usage.map((row): StatisticsRow => {
      const at = Number(row.at);
      const total = counts.get(`total ${at} ${row.name}`) ?? none;
      const first = counts.get(`first ${at} ${row.name}`) ?? none;
      const counted = Object.fromEntries(usageSums.map((sum) => [sum, Number(row[sum])])) as Sums;
      return {
        ...counted,
        at,
        name: row.name,
        p50: percentileOf(total, 0.5),
        p95: percentileOf(total, 0.95),
        p99: percentileOf(total, 0.99),
        firstP50: percentileOf(first, 0.5),
        firstP95: percentileOf(first, 0.95),
      };
    });
  };
  return { read: readFrom(reader), readSmall: readFrom(database) };
}

/** Deletes stretches nobody asks for any more: minutes after two days, half hours before a time. */
export async function pruneStatistics(database: Kysely<Tables>, now: number, before: number): Promise<void> {
  for (const table of ["usage_slots", "latency_slots"] as const)
    for (const [slotMs, oldest] of [
      [fineSlotMs, now - fineKeptMs - dayMs],
      [coarseSlotMs, before],
      [daySlotMs, before],
    ] as const)
      await database.deleteFrom(table).where("slot_ms", "=", slotMs).where("slot", "<", oldest).execute();
}
