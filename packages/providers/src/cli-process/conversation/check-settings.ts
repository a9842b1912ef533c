import { GatewayError, type Settings } from "@trunkline/contracts";

/** Settings no vendor's program takes and that leave the answer's form as it is. */
const withoutEffect = {
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  seed: "seed",
  logitBias: "logit_bias",
  verbosity: "verbosity",
  serviceTier: "service_tier",
  promptCacheKey: "prompt_cache_key",
  metadata: "metadata",
  user: "user",
  maxOutputTokens: "max_tokens",
  stop: "stop",
  reasoning: "reasoning",
} as const satisfies Partial<Record<keyof Settings, string>>;

/** Settings a driver may honour. */
export type Honoured = keyof typeof withoutEffect;

/** Names what will have no effect. Throws `unsupported_parameter` for what would change the answer's form. */
export function checkSettings(settings: Settings, program: string, honoured: readonly Honoured[]): string[] {
  const refuse = (parameter: string): never => {
    throw new GatewayError(
      "unsupported_parameter",
      `'${parameter}' cannot be had from ${program}. Leave it out, or choose a model of an API provider.`,
      { parameter },
    );
  };
  if ((settings.choices ?? 1) > 1) refuse("n");
  if (settings.logprobs) refuse("logprobs");
  if (settings.topLogprobs) refuse("top_logprobs");
  const missing = Object.entries(withoutEffect)
    .filter(([name]) => !honoured.includes(name as Honoured))
    // Sampling at its default is what the program does anyway.
    .filter(([name]) => !(name === "temperature" && settings.temperature === 1))
    .filter(([name]) => settings[name as keyof Settings] !== undefined)
    .map(([, wire]) => wire);
  return missing;
}
