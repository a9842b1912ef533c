/**
 * What OpenAI's service tiers cost in thousandths of the standard price, from its pricing page (read 2026-11-21). Flex is half of it for
 * every model that has it; priority differs by model and is not known for others.
 */
const priority: readonly (readonly [RegExp, number])[] = [
  [/^gpt-5(\.\d+)?-mini/, 1800],
  [/^gpt-5/, 2000],
  [/^gpt-4\.1-nano/, 2000],
  [/^gpt-4\.1/, 1750],
  [/^o3/, 1750],
];

/** Undefined when the tier's price is not known: an unknown cost is better than a wrong one. */
export function tierFactor(model: string, tier: string | null): number | undefined {
  if (tier === "flex" || tier === "batch") return 500;
  if (tier === "priority") return priority.find(([pattern]) => pattern.test(model))?.[1];
  // "default", "standard", "auto" and words of other vendors say the standard price.
  return 1000;
}
