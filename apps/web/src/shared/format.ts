import i18next from "i18next";

const locale = () => i18next.resolvedLanguage ?? "en";
const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function once<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(
  name: string,
  make: () => T,
): T {
  const key = `${locale()} ${name}`;
  let found = made.get(key);
  if (!found) made.set(key, (found = make()));
  return found as T;
}

export function count(value: number): string {
  return once("count", () => new Intl.NumberFormat(locale(), { maximumFractionDigits: 0 })).format(value);
}

/** 1,234,567 as 1.2M. */
export function compact(value: number): string {
  return once(
    "compact",
    () => new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 }),
  ).format(value);
}

/** Small amounts keep the digits that tell them from nothing. */
export function usd(value: number | null): string {
  if (value === null) return "–";
  const digits = value === 0 || value >= 1 ? 2 : value >= 0.01 ? 3 : 6;
  return once(
    `usd ${digits}`,
    () =>
      new Intl.NumberFormat(locale(), {
        style: "currency",
        currency: "USD",
        minimumFractionDigits: 2,
        maximumFractionDigits: digits,
      }),
  ).format(value);
}

export function percent(share: number, digits = 0): string {
  return once(
    `percent ${digits}`,
    () => new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: digits }),
  ).format(share);
}

export function milliseconds(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  return `${once("seconds", () => new Intl.NumberFormat(locale(), { maximumSignificantDigits: 3 })).format(seconds)} s`;
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${once("bytes", () => new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 })).format(value / 1024 ** power)} ${units[power]}`;
}

export function dateTime(iso: string): string {
  return once("dateTime", () => new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" })).format(
    new Date(iso),
  );
}

export function shortTime(iso: string): string {
  return once(
    "shortTime",
    () =>
      new Intl.DateTimeFormat(locale(), {
        month: "short",
        day: "numeric",
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
      }),
  ).format(new Date(iso));
}

/** A time on an axis over a stretch of so many milliseconds: the hour, or the day. */
export function axisTime(at: number, span: number): string {
  const isLong = span > 2 * 86_400_000;
  return once(
    isLong ? "axisDay" : "axisHour",
    () =>
      new Intl.DateTimeFormat(
        locale(),
        isLong ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" },
      ),
  ).format(at);
}

const steps = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Number.POSITIVE_INFINITY],
] as const;

/** "in 3 hours", "2 minutes ago". */
export function relative(iso: string, now: number = Date.now()): string {
  let value = (Date.parse(iso) - now) / 1000;
  for (const [unit, size] of steps) {
    if (Math.abs(value) < size)
      return once("relative", () => new Intl.RelativeTimeFormat(locale(), { numeric: "auto" })).format(
        Math.round(value),
        unit,
      );
    value /= size;
  }
  return "";
}
