const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a span such as 30d, 12h or 45m; undefined for any other text. */
export function spanMs(text: string): number | undefined {
  const span = /^(\d+)([mhd])$/.exec(text);
  return span ? Number(span[1]) * unitMs[span[2]!]! : undefined;
}
