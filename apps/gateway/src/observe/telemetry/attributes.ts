/**
 * Names of attributes as OpenTelemetry's conventions for generative AI have them (schema 1.42, all still in development). They are kept here
 * and not taken from a package: the conventions have moved to a repository of their own, and names still change.
 */
export const genAi = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  requestStream: "gen_ai.request.stream",
  responseModel: "gen_ai.response.model",
  finishReasons: "gen_ai.response.finish_reasons",
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheWriteTokens: "gen_ai.usage.cache_creation.input_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  conversation: "gen_ai.conversation.id",
} as const;

export const general = {
  error: "error.type",
  status: "http.response.status_code",
  userAgent: "user_agent.original",
} as const;

/** What no convention has a name for. */
export const own = {
  id: "trunkline.exchange.id",
  key: "trunkline.key.id",
  provider: "trunkline.provider",
  model: "trunkline.model",
  route: "trunkline.route",
  dialect: "trunkline.dialect",
  outcome: "trunkline.outcome",
  cache: "trunkline.cache",
  attempts: "trunkline.attempts",
  attempt: "trunkline.attempt",
  reason: "trunkline.reason",
  cost: "trunkline.cost_nano_usd",
  estimated: "trunkline.usage_estimated",
} as const;

/** Our families of providers by the names the conventions have for their vendors; others go by their own. */
export const vendorNames: Readonly<Record<string, string>> = {
  openai: "openai",
  anthropic: "anthropic",
  google: "gcp.gemini",
  gemini: "gcp.gemini",
  azure: "azure.ai.openai",
  bedrock: "aws.bedrock",
  mistral: "mistral_ai",
  groq: "groq",
  deepseek: "deepseek",
  xai: "x_ai",
  cohere: "cohere",
  perplexity: "perplexity",
};
