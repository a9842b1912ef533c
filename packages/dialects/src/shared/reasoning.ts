import { lookUp, type ReasoningSettings } from "@trunkline/contracts";

/** Thinking budgets in tokens for the effort words; the steps follow Google's published table for Gemini 2.5 and are ours beyond it. */
const budgets: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 65_536,
};

export function budgetForEffort(effort: string): number | undefined {
  return lookUp(budgets, effort);
}

/** The effort the client asked for, or the word nearest to its budget. */
export function effortOf(reasoning: ReasoningSettings | undefined): string | undefined {
  if (reasoning?.effort !== undefined) return reasoning.effort;
  return reasoning?.budgetTokens === undefined ? undefined : effortForBudget(reasoning.budgetTokens);
}

/** The effort word nearest to a budget; -1 (the model decides) has none. */
function effortForBudget(budget: number): string | undefined {
  if (budget < 0) return undefined;
  if (budget === 0) return "none";
  if (budget <= 1024) return "low";
  return budget <= 8192 ? "medium" : "high";
}
