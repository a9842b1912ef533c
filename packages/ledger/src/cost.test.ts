import type { DialectName, JsonObject } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { beforeAll, expect, test } from "vitest";
import { createPriceBook } from "./price-book.ts";

type Row = {
  readonly name: string;
  readonly dialect: DialectName;
  readonly source: string;
  readonly model: string;
  /** The vendor's own usage object. */
  readonly usage: JsonObject;
  readonly tier?: string;
  /** Nano-USD, each token count times the vendor's published price: $1 a million tokens is 1000 nano-USD a token. */
  readonly cost: number;
};

const chat = (prompt: number, completion: number, cached = 0, more: JsonObject = {}): JsonObject => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  prompt_tokens_details: { cached_tokens: cached },
  ...more,
});
const responses = (input: number, output: number, cached = 0, reasoning = 0): JsonObject => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: cached },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: reasoning },
});
const messages = (
  input: number,
  output: number,
  read = 0,
  write5m = 0,
  write1h = 0,
  more: JsonObject = {},
): JsonObject => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: read,
  cache_creation_input_tokens: write5m + write1h,
  cache_creation: { ephemeral_5m_input_tokens: write5m, ephemeral_1h_input_tokens: write1h },
  ...more,
});
const gemini = (prompt: number, candidates: number, cached = 0, thoughts = 0, more: JsonObject = {}): JsonObject => ({
  promptTokenCount: prompt,
  candidatesTokenCount: candidates,
  cachedContentTokenCount: cached,
  thoughtsTokenCount: thoughts,
  ...more,
});

const rows: readonly Row[] = [
  {
    name: "gpt-4o: $2.50 in, $1.25 cached, $10 out",
    dialect: "openai-chat",
    source: "openai",
    model: "gpt-4o",
    usage: chat(1000, 100, 400),
    cost: 600 * 2500 + 400 * 1250 + 100 * 10_000,
  },
  {
    name: "gpt-4o-mini: $0.15, $0.075, $0.60",
    dialect: "openai-chat",
    source: "openai",
    model: "gpt-4o-mini",
    usage: chat(1001, 7, 1),
    cost: 1000 * 150 + 75 + 7 * 600,
  },
  {
    name: "gpt-4.1: $2, $0.50, $8",
    dialect: "openai-responses",
    source: "openai",
    model: "gpt-4.1",
    usage: responses(5000, 250, 4096),
    cost: 904 * 2000 + 4096 * 500 + 250 * 8000,
  },
  {
    name: "o3 with reasoning inside its output: $2, $0.50, $8",
    dialect: "openai-responses",
    source: "openai",
    model: "o3",
    usage: responses(100, 900, 0, 832),
    cost: 100 * 2000 + 900 * 8000,
  },
  {
    name: "o4-mini: $1.10, $0.275, $4.40",
    dialect: "openai-chat",
    source: "openai",
    model: "o4-mini",
    usage: chat(3, 3, 1),
    cost: 2 * 1100 + 275 + 3 * 4400,
  },
  {
    name: "gpt-5: $1.25, $0.125, $10",
    dialect: "openai-responses",
    source: "openai",
    model: "gpt-5",
    usage: responses(10_000, 500, 9000),
    cost: 1000 * 1250 + 9000 * 125 + 500 * 10_000,
  },
  {
    name: "gpt-5 at the flex tier: half",
    dialect: "openai-responses",
    source: "openai",
    model: "gpt-5",
    usage: responses(10_000, 500, 9000),
    tier: "flex",
    cost: (1000 * 1250 + 9000 * 125 + 500 * 10_000) / 2,
  },
  {
    name: "gpt-5 at the priority tier: $2.50, $0.25, $20",
    dialect: "openai-responses",
    source: "openai",
    model: "gpt-5",
    usage: responses(10_000, 500, 9000),
    tier: "priority",
    cost: 1000 * 2500 + 9000 * 250 + 500 * 20_000,
  },
  {
    name: "gpt-5-mini at the priority tier: $0.45, $0.045, $3.60",
    dialect: "openai-chat",
    source: "openai",
    model: "gpt-5-mini",
    usage: chat(2000, 10, 1000),
    tier: "priority",
    cost: 1000 * 450 + 1000 * 45 + 10 * 3600,
  },
  {
    name: "gpt-4.1 at the priority tier: $3.50, $0.875, $14",
    dialect: "openai-chat",
    source: "openai",
    model: "gpt-4.1",
    usage: chat(2000, 10, 1000),
    tier: "priority",
    cost: 1000 * 3500 + 1000 * 875 + 10 * 14_000,
  },
  {
    name: "text-embedding-3-small: $0.02",
    dialect: "openai-chat",
    source: "openai",
    model: "text-embedding-3-small",
    usage: chat(1234, 0),
    cost: 1234 * 20,
  },
  {
    name: "text-embedding-3-large: $0.13",
    dialect: "openai-chat",
    source: "openai",
    model: "text-embedding-3-large",
    usage: chat(999, 0),
    cost: 999 * 130,
  },
  {
    name: "claude-sonnet-4-5: $3, $15",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(1000, 100),
    cost: 1000 * 3000 + 100 * 15_000,
  },
  {
    name: "… reading its cache: $0.30",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(10, 100, 5000),
    cost: 10 * 3000 + 5000 * 300 + 100 * 15_000,
  },
  {
    name: "… writing it for 5 minutes: $3.75",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(10, 100, 0, 2048),
    cost: 10 * 3000 + 2048 * 3750 + 100 * 15_000,
  },
  {
    name: "… for an hour: $6",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(10, 100, 0, 0, 2048),
    cost: 10 * 3000 + 2048 * 6000 + 100 * 15_000,
  },
  {
    name: "… all of it at once",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(7, 11, 13, 17, 19),
    cost: 7 * 3000 + 13 * 300 + 17 * 3750 + 19 * 6000 + 11 * 15_000,
  },
  {
    name: "… over 200k of input: $6, $22.50, cache $0.60",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(150_000, 1000, 50_001),
    cost: 150_000 * 6000 + 50_001 * 600 + 1000 * 22_500,
  },
  {
    name: "… at exactly 200k: still the lower price",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(200_000, 1),
    cost: 200_000 * 3000 + 15_000,
  },
  {
    name: "… with two web searches at $10 a thousand",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-sonnet-4-5",
    usage: messages(10, 10, 0, 0, 0, { server_tool_use: { web_search_requests: 2 } }),
    cost: 10 * 3000 + 10 * 15_000 + 2 * 10_000_000,
  },
  {
    name: "claude-opus-4-5: $5, read $0.50, 1 h write $10, $25",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-opus-4-5",
    usage: messages(100, 50, 200, 0, 300),
    cost: 100 * 5000 + 200 * 500 + 300 * 10_000 + 50 * 25_000,
  },
  {
    name: "claude-opus-4-1: $15, $75",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-opus-4-1",
    usage: messages(100, 50),
    cost: 100 * 15_000 + 50 * 75_000,
  },
  {
    name: "claude-haiku-4-5: $1, read $0.10, 5 m write $1.25, $5",
    dialect: "anthropic-messages",
    source: "anthropic",
    model: "claude-haiku-4-5",
    usage: messages(1, 1, 1, 1),
    cost: 1000 + 100 + 1250 + 5000,
  },
  {
    name: "gemini-2.5-pro: $1.25, cached $0.125, $10 with thoughts",
    dialect: "gemini",
    source: "gemini",
    model: "gemini-2.5-pro",
    usage: gemini(1000, 100, 800, 60),
    cost: 200 * 1250 + 800 * 125 + 160 * 10_000,
  },
  {
    name: "… over 200k: $2.50, $0.25, $15",
    dialect: "gemini",
    source: "gemini",
    model: "gemini-2.5-pro",
    usage: gemini(200_001, 10, 1),
    cost: 200_000 * 2500 + 250 + 10 * 15_000,
  },
  {
    name: "gemini-2.5-flash: $0.30, $2.50",
    dialect: "gemini",
    source: "gemini",
    model: "gemini-2.5-flash",
    usage: gemini(1000, 10),
    cost: 1000 * 300 + 10 * 2500,
  },
  {
    name: "… with audio at $1",
    dialect: "gemini",
    source: "gemini",
    model: "gemini-2.5-flash",
    usage: gemini(1000, 10, 0, 0, {
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 200 },
        { modality: "AUDIO", tokenCount: 800 },
      ],
    }),
    cost: 200 * 300 + 800 * 1000 + 10 * 2500,
  },
  {
    name: "gemini-2.5-flash-lite: $0.10, cached $0.01, $0.40",
    dialect: "gemini",
    source: "gemini",
    model: "gemini-2.5-flash-lite",
    usage: gemini(3, 1, 1),
    cost: 2 * 100 + 10 + 400,
  },
  {
    name: "deepseek's own cache member",
    dialect: "openai-chat",
    source: "deepseek",
    model: "deepseek-reasoner",
    usage: { prompt_tokens: 1000, completion_tokens: 10, prompt_cache_hit_tokens: 600, prompt_cache_miss_tokens: 400 },
    cost: 400 * 550 + 600 * 140 + 10 * 2190,
  },
  {
    name: "xAI leaves reasoning out of completion_tokens: $3, $15",
    dialect: "openai-chat",
    source: "xai",
    model: "grok-3",
    usage: {
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 160,
      completion_tokens_details: { reasoning_tokens: 50 },
    },
    cost: 100 * 3000 + 60 * 15_000,
  },
  {
    name: "groq llama-3.3-70b: $0.59, $0.79",
    dialect: "openai-chat",
    source: "groq",
    model: "llama-3.3-70b-versatile",
    usage: chat(1000, 100),
    cost: 1000 * 590 + 100 * 790,
  },
  {
    name: "mistral-small: $0.10, $0.30",
    dialect: "openai-chat",
    source: "mistral",
    model: "mistral-small-latest",
    usage: chat(7, 9),
    cost: 7 * 100 + 9 * 300,
  },
  {
    name: "perplexity sonar: $1, $1 and $12 a thousand requests",
    dialect: "openai-chat",
    source: "perplexity",
    model: "sonar",
    usage: chat(100, 100),
    cost: 200 * 1000 + 12_000_000,
  },
  {
    name: "a model of one's own machine",
    dialect: "openai-chat",
    source: "ollama",
    model: "llama3",
    usage: chat(100, 100),
    cost: 0,
  },
];

const answers: Record<DialectName, (usage: JsonObject) => JsonObject> = {
  "openai-chat": (usage) => ({ choices: [], usage }),
  "openai-responses": (usage) => ({ status: "completed", output: [], usage }),
  "anthropic-messages": (usage) => ({ content: [], usage }),
  gemini: (usageMetadata) => ({ candidates: [{}], usageMetadata }),
};

beforeAll(() => createPriceBook([]).load());

const at = Date.UTC(2026, 10, 21, 12);

test.each(rows)("$name", ({ dialect, source, model, usage, tier, cost }) => {
  const read = dialects[dialect].readResponse(answers[dialect](usage)).usage!;
  expect(
    createPriceBook([]).cost({ provider: source, source, model, at, usage: read, serviceTier: tier ?? null }),
  ).toBe(cost);
});

test("a price of the operator's comes first, in fractions no float holds", () => {
  const book = createPriceBook([
    { provider: "mine", matches: (model) => model.startsWith("a"), tariff: { input_mtok: 0.0375, output_mtok: 0.15 } },
  ]);
  const usage = dialects["openai-chat"].readResponse({ usage: chat(1001, 1) }).usage!;
  // 1001 × 37.5 + 150 = 37,687.5, rounded half up once, at the end.
  expect(book.cost({ provider: "mine", source: "openai", model: "abc", at, usage, serviceTier: null })).toBe(37_688);
});

test("an unknown model or tier has no cost rather than a wrong one", () => {
  const usage = dialects["openai-chat"].readResponse({ usage: chat(10, 10) }).usage!;
  const cost = (model: string, serviceTier: string | null) =>
    createPriceBook([]).cost({ provider: "openai", source: "openai", model, at, usage, serviceTier });
  expect(cost("no-such-model", null)).toBeNull();
  expect(cost("gpt-3.5-turbo", "priority")).toBeNull();
});
