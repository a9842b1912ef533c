/** USD as integer nano-USD. */
export function amountOf(usd: number): number {
  return Math.round(usd * 1e9);
}
