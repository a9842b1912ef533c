import type { StatisticsQuery, StatisticsRowView, StatisticsView } from "@trunkline/admin/api";

type Bucket = NonNullable<StatisticsQuery["bucket"]>;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const ranges = {
  hour: { ms: hourMs, bucket: "minute" },
  "6hours": { ms: 6 * hourMs, bucket: "5m" },
  day: { ms: dayMs, bucket: "30m" },
  week: { ms: 7 * dayMs, bucket: "6h" },
  month: { ms: 30 * dayMs, bucket: "day" },
  quarter: { ms: 90 * dayMs, bucket: "day" },
} as const satisfies Record<string, { ms: number; bucket: Bucket }>;

export type RangeName = keyof typeof ranges;
export const rangeNames = Object.keys(ranges) as readonly RangeName[];

const lengths: Readonly<Record<Bucket, number>> = {
  minute: minuteMs,
  "5m": 5 * minuteMs,
  "30m": 30 * minuteMs,
  hour: hourMs,
  "6h": 6 * hourMs,
  day: dayMs,
  all: Number.POSITIVE_INFINITY,
};

export function bucketMsOf(bucket: Bucket): number {
  return lengths[bucket];
}

/** What is asked of the statistics: from the beginning of a bucket. */
export function rangeOf(name: RangeName, now: number = Date.now()) {
  const { ms, bucket } = ranges[name];
  // Months are of days of UTC, which are summed up already; shorter ranges are of the browser's own time zone. It begins its days at whole
  // half hours everywhere but in Nepal and on Chatham.
  const offsetMinutes = bucket === "day" ? 0 : Math.round(-new Date(now).getTimezoneOffset() / 30) * 30;
  const offset = offsetMinutes * minuteMs;
  const length = lengths[bucket];
  const since = Math.ceil((now - ms + offset) / length) * length - offset;
  return { since: new Date(since).toISOString(), bucket, offsetMinutes };
}

/** Every bucket from the first to now, those nothing happened in too: a line does not jump over a silent night. */
export function completed(
  { since, until, rows }: StatisticsView,
  bucketMs: number,
): readonly { readonly time: string; readonly row: StatisticsRowView | undefined }[] {
  const byTime = new Map(rows.map((row) => [Date.parse(row.time), row]));
  const points = [];
  for (let at = Date.parse(since); at < Date.parse(until); at += bucketMs)
    points.push({ time: new Date(at).toISOString(), row: byTime.get(at) });
  return points;
}
