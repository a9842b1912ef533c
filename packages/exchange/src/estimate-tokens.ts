const charactersPerToken = 4;

/** Tokens of so much text. Good enough to choose by and to set aside, not to charge by where the upstream tells. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

/** Output tokens an answer is reckoned at when targets are compared by price. */
export const usualOutputTokens = 500;
