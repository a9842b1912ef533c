/** When a limit ends, out of sentences such as "resets 2pm (Europe/Zurich)" or "try again at Jun 14th, 2026 9:58 PM". */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** "3 hours 12 minutes", "40h12m5s": one piece at a time, as long as they follow each other. */
const span =
  /[\s,]*(?:and\s+)?(\d{1,9}(?:\.\d+)?)\s*(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])/iy;
const clock = /(\d{1,2})(?::(\d{2}))?(?::\d{2})?\s*(am|pm)|(\d{1,2}):(\d{2})/i;
const zone = /\(([A-Za-z_]+(?:\/[A-Za-z_+\-0-9]+)*)\)/;

/** What clocks in a time zone show, as if it were UTC. */
function wallTime(at: number, timeZone: string): number {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    })
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  ) as Record<string, number>;
  return Date.UTC(parts["year"]!, parts["month"]! - 1, parts["day"], parts["hour"], parts["minute"], parts["second"]);
}

/** The moment at which clocks of the zone show this. */
function momentOf(wall: number, timeZone: string): number {
  let moment = wall;
  // Twice, because the offset itself may change between the guess and the moment.
  for (let step = 0; step < 2; step++) moment = wall - (wallTime(moment, timeZone) - moment);
  return moment;
}

/** Milliseconds of the span of time that stands there; 0 when none does. */
function spanAt(text: string, from: number): number {
  let total = 0;
  span.lastIndex = from;
  for (let piece = span.exec(text); piece; piece = span.exec(text))
    total += Number(piece[1]) * units[piece[2]![0]!.toLowerCase()]!;
  return total;
}

function knownZone(name: string | undefined): string {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (name === undefined) return own;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return name;
  } catch {
    return own;
  }
}

/** Milliseconds since the epoch; undefined when the text names no time. A clock without a zone is this machine's, as the program saw it. */
export function resetTime(text: string, now: number): number | undefined {
  const sentence = /(?:reset[s ]|try again|available|wait|retry)(?:s|\s)*([^\n]*)/i.exec(text)?.[1];
  if (sentence === undefined) return undefined;
  const iso = /\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})/.exec(sentence)?.[0];
  if (iso !== undefined) return Number.isNaN(Date.parse(iso)) ? undefined : Date.parse(iso);
  const total = spanAt(sentence, /^\s*(?:in|after|for)?\s*/i.exec(sentence)![0].length);
  if (total > 0) return now + total;
  const time = clock.exec(sentence);
  if (!time) return undefined;
  const timeZone = knownZone(zone.exec(sentence)?.[1]);
  const half = time[3]?.toLowerCase();
  const hour = half === undefined ? Number(time[4]) : (Number(time[1]) % 12) + (half === "pm" ? 12 : 0);
  const minute = Number(half === undefined ? time[5] : (time[2] ?? 0));
  if (hour > 23 || minute > 59) return undefined;
  const today = new Date(wallTime(now, timeZone));
  const date = /\b([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?/.exec(sentence);
  const month = date ? months.indexOf(date[1]!.toLowerCase()) : -1;
  if (date && month >= 0) {
    const year = date[3] === undefined ? today.getUTCFullYear() : Number(date[3]);
    const moment = momentOf(Date.UTC(year, month, Number(date[2]), hour, minute), timeZone);
    // In December, "Jan 3" is next year's.
    return date[3] === undefined && moment < now - units["d"]!
      ? momentOf(Date.UTC(year + 1, month, Number(date[2]), hour, minute), timeZone)
      : moment;
  }
  const wall = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate(), hour, minute);
  const moment = momentOf(wall, timeZone);
  return moment > now ? moment : momentOf(wall + units["d"]!, timeZone);
}
