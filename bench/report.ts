export type Results = Record<string, Readonly<Record<string, number | null>>>;

/** Results as lines a person reads: one work after the other, figures rounded to what they are worth. */
export function report(results: Results): string {
  return Object.entries(results)
    .map(([work, figures]) => {
      const cells = Object.entries(figures).map(([name, value]) => `${name} ${value === null ? "–" : rounded(value)}`);
      return `${work}  ${cells.join(" · ")}`;
    })
    .join("\n");
}

function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
