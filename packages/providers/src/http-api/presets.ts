import type { DialectName } from "@trunkline/contracts";
import { plainTraits, type TargetTraits } from "@trunkline/dialects";

export type AuthStyle = "bearer" | "x-api-key" | "x-goog-api-key" | "api-key" | "none";

/** Everything that sets one vendor's HTTP API apart from another's. */
export type Preset = {
  readonly title: string;
  /** Undefined where every installation has its own. */
  readonly baseUrl?: string;
  /** Dialects spoken under the base URL, the best for foreign clients first. */
  readonly dialects: readonly DialectName[];
  readonly auth: AuthStyle;
  /** Environment variables that hold a key, first found wins. */
  readonly keyVariables: readonly string[];
  readonly traits: Partial<TargetTraits>;
  readonly embeddings: boolean;
  /** Bare model names that are surely this vendor's. */
  readonly claims?: RegExp;
  /** Runs on this machine: found by asking its port. */
  readonly local?: boolean;
};

const chatOnly: readonly DialectName[] = ["openai-chat"];

const openaiTraits: Partial<TargetTraits> = {
  family: "openai",
  maxTokensField: "max_completion_tokens",
  developerRole: "developer",
  reasoningEffort: true,
  customTools: true,
};

const presets = {
  openai: {
    title: "OpenAI",
    baseUrl: "https://api.openai.com/v1",
    dialects: ["openai-responses", "openai-chat"],
    auth: "bearer",
    keyVariables: ["OPENAI_API_KEY"],
    traits: openaiTraits,
    embeddings: true,
    claims: /^(gpt-|chatgpt-|o\d|codex-|text-embedding-|computer-use)/,
  },
  anthropic: {
    title: "Anthropic",
    baseUrl: "https://api.anthropic.com/v1",
    dialects: ["anthropic-messages"],
    auth: "x-api-key",
    keyVariables: ["ANTHROPIC_API_KEY"],
    traits: { family: "anthropic", cacheControl: true },
    embeddings: false,
    claims: /^claude-/,
  },
  gemini: {
    title: "Google Gemini",
    baseUrl: "https://generativelanguage.googleapis.com/v1beta",
    dialects: ["gemini"],
    auth: "x-goog-api-key",
    keyVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    traits: { family: "gemini", mediaByUrl: false },
    embeddings: true,
    claims: /^(gemini-|gemma-|learnlm-|text-embedding-00)/,
  },
  cerebras: {
    title: "Cerebras",
    baseUrl: "https://api.cerebras.ai/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["CEREBRAS_API_KEY"],
    traits: {
      family: "cerebras",
      maxTokensField: "max_completion_tokens",
      reasoningEffort: true,
      refuses: ["frequency_penalty", "presence_penalty", "logit_bias", "n"],
    },
    embeddings: false,
  },
  groq: {
    title: "Groq",
    baseUrl: "https://api.groq.com/openai/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["GROQ_API_KEY"],
    traits: {
      family: "groq",
      maxTokensField: "max_completion_tokens",
      reasoningEffort: true,
      refuses: ["logprobs", "top_logprobs", "logit_bias", "n"],
    },
    embeddings: false,
  },
  mistral: {
    title: "Mistral",
    baseUrl: "https://api.mistral.ai/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["MISTRAL_API_KEY"],
    // Answers 422 to members it does not know; its name for `seed` is another.
    traits: {
      family: "mistral",
      refuses: ["seed", "logit_bias", "user", "service_tier", "verbosity", "stream_options"],
    },
    embeddings: true,
    claims: /^(mistral-|ministral-|magistral-|codestral-|devstral-|pixtral-|open-mi)/,
  },
  deepseek: {
    title: "DeepSeek",
    baseUrl: "https://api.deepseek.com/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["DEEPSEEK_API_KEY"],
    traits: { family: "deepseek", reasoningField: "reasoning_content", jsonOutput: "object" },
    embeddings: false,
    claims: /^deepseek-/,
  },
  openrouter: {
    title: "OpenRouter",
    baseUrl: "https://openrouter.ai/api/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["OPENROUTER_API_KEY"],
    traits: { family: "openrouter", reasoningDetails: true, reasoningEffort: true, cacheControl: true },
    embeddings: true,
  },
  xai: {
    title: "xAI",
    baseUrl: "https://api.x.ai/v1",
    dialects: ["openai-chat", "openai-responses"],
    auth: "bearer",
    keyVariables: ["XAI_API_KEY"],
    traits: { family: "xai", reasoningEffort: true, refuses: ["logit_bias"] },
    embeddings: false,
    claims: /^grok-/,
  },
  together: {
    title: "Together AI",
    baseUrl: "https://api.together.xyz/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["TOGETHER_API_KEY"],
    traits: { family: "together" },
    embeddings: true,
  },
  fireworks: {
    title: "Fireworks AI",
    baseUrl: "https://api.fireworks.ai/inference/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["FIREWORKS_API_KEY"],
    traits: { family: "fireworks", reasoningEffort: true },
    embeddings: true,
    claims: /^accounts\/fireworks\//,
  },
  perplexity: {
    title: "Perplexity",
    baseUrl: "https://api.perplexity.ai",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: ["PERPLEXITY_API_KEY"],
    traits: { family: "perplexity", refuses: ["tools", "tool_choice", "parallel_tool_calls", "seed", "logprobs", "n"] },
    embeddings: false,
    claims: /^sonar/,
  },
  "azure-openai": {
    title: "Azure OpenAI",
    dialects: ["openai-responses", "openai-chat"],
    auth: "api-key",
    keyVariables: ["AZURE_OPENAI_API_KEY"],
    traits: openaiTraits,
    embeddings: true,
  },
  ollama: {
    title: "Ollama",
    baseUrl: "http://127.0.0.1:11434/v1",
    dialects: chatOnly,
    auth: "none",
    keyVariables: ["OLLAMA_API_KEY"],
    traits: { family: "ollama", mediaByUrl: false, reasoningEffort: true, refuses: ["n", "logit_bias", "user"] },
    embeddings: true,
    local: true,
  },
  lmstudio: {
    title: "LM Studio",
    baseUrl: "http://127.0.0.1:1234/v1",
    dialects: chatOnly,
    auth: "none",
    keyVariables: [],
    traits: { family: "lmstudio", mediaByUrl: false },
    embeddings: true,
    local: true,
  },
  "llama.cpp": {
    title: "llama.cpp",
    baseUrl: "http://127.0.0.1:8080/v1",
    dialects: chatOnly,
    auth: "none",
    keyVariables: [],
    traits: { family: "llama.cpp", mediaByUrl: false, reasoningField: "reasoning_content" },
    embeddings: true,
    local: true,
  },
  vllm: {
    title: "vLLM",
    baseUrl: "http://127.0.0.1:8000/v1",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: [],
    traits: { family: "vllm", reasoningField: "reasoning_content" },
    embeddings: true,
  },
  "openai-compatible": {
    title: "OpenAI-compatible",
    dialects: chatOnly,
    auth: "bearer",
    keyVariables: [],
    traits: {},
    embeddings: true,
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as PresetName[];

export function presetOf(name: PresetName): Preset {
  return presets[name];
}

export function traitsOf(preset: Preset): TargetTraits {
  return { ...plainTraits, ...preset.traits };
}
