import type { Usage } from "@trunkline/contracts";
import type { Price, Tariff } from "./tariff.ts";

/** A tier begins above its start: "prompts over 200k tokens" cost more from the 200,001st on. */
function dollars(price: Price | undefined, inputTokens: number): number | undefined {
  if (price === undefined || typeof price === "number") return price;
  return price.tiers.findLast((tier) => inputTokens > tier.start)?.price ?? price.base;
}

/**
 * The cost of a usage in nano-USD, in whole numbers: a price of $0.0375 a million is 37,500 pico-USD a token, which no float rounds.
 * `factorPerMille` is the service tier's: 1000 for the standard price, 500 for half of it.
 */
export function costOf(usage: Usage, tariff: Tariff, factorPerMille = 1000): number {
  /** Pico-USD a token. */
  const perToken = (...prices: readonly (Price | undefined)[]): number => {
    for (const price of prices) {
      const value = dollars(price, usage.inputTokens);
      if (value !== undefined) return Math.round(value * 1e6);
    }
    return 0;
  };
  const input = tariff.input_mtok;
  const output = tariff.output_mtok;
  const textCacheRead = Math.max(0, usage.cacheReadTokens - usage.cacheAudioReadTokens);
  const freshAudio = Math.max(0, usage.inputAudioTokens - usage.cacheAudioReadTokens);
  const written = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
  const freshText = Math.max(0, usage.inputTokens - usage.cacheReadTokens - written - freshAudio);
  const textOutput = Math.max(0, usage.outputTokens - usage.outputAudioTokens - usage.outputImageTokens);
  const pico =
    freshText * perToken(input) +
    freshAudio * perToken(tariff.input_audio_mtok, input) +
    textCacheRead * perToken(tariff.cache_read_mtok, input) +
    usage.cacheAudioReadTokens * perToken(tariff.cache_audio_read_mtok, tariff.cache_read_mtok, input) +
    usage.cacheWrite5mTokens * perToken(tariff.cache_write_mtok, input) +
    usage.cacheWrite1hTokens * perToken(tariff.cache_write_1h_mtok, tariff.cache_write_mtok, input) +
    textOutput * perToken(output) +
    usage.outputAudioTokens * perToken(tariff.output_audio_mtok, output) +
    usage.outputImageTokens * perToken(tariff.output_image_mtok, output);
  /** $10 a thousand is 10,000,000 nano-USD each. */
  const each = (price: Price | undefined) => Math.round((dollars(price, usage.inputTokens) ?? 0) * 1e6);
  const nano = Math.round((pico * factorPerMille) / 1_000_000);
  return nano + each(tariff.requests_kcount) + usage.webSearches * each(tariff.web_searches_kcount);
}
