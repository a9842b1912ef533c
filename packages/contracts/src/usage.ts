/**
 * Tokens of one answer. `inputTokens` includes what was read from and written to the prompt cache and `outputTokens` includes
 * reasoning (OpenAI's and OpenTelemetry's way of counting; Anthropic's excludes the cache, Gemini's excludes thoughts).
 */
export type Usage = {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWrite5mTokens: number;
  readonly cacheWrite1hTokens: number;
  readonly reasoningTokens: number;
  readonly inputAudioTokens: number;
  readonly outputAudioTokens: number;
  readonly cacheAudioReadTokens: number;
  /** Output tokens that were images (Gemini). */
  readonly outputImageTokens: number;
  readonly webSearches: number;
  /** True when we counted, because the upstream did not say. */
  readonly estimated: boolean;
};

/** All zero, as reported. */
export const noUsage: Usage = Object.freeze({
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  reasoningTokens: 0,
  inputAudioTokens: 0,
  outputAudioTokens: 0,
  cacheAudioReadTokens: 0,
  outputImageTokens: 0,
  webSearches: 0,
  estimated: false,
});

/** A usage with the given members and zero for the rest. */
export function usageOf(members: Partial<Usage>): Usage {
  return { ...noUsage, ...members };
}
