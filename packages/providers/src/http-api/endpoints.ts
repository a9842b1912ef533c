import type { DialectName, Operation } from "@trunkline/contracts";
import type { AuthStyle } from "./presets.ts";

/** The path under the base URL that answers an operation, or undefined when the dialect has none. */
export function pathOf(
  dialect: DialectName,
  operation: Operation,
  options: { model: string; stream: boolean; batch: boolean },
): string | undefined {
  switch (dialect) {
    case "openai-chat":
      return operation === "generate" ? "/chat/completions" : operation === "embed" ? "/embeddings" : undefined;
    case "openai-responses":
      return operation === "generate"
        ? "/responses"
        : operation === "count-tokens"
          ? "/responses/input_tokens"
          : undefined;
    case "anthropic-messages":
      return operation === "generate"
        ? "/messages"
        : operation === "count-tokens"
          ? "/messages/count_tokens"
          : undefined;
    case "gemini": {
      const model = encodeURIComponent(options.model.replace(/^models\//, ""));
      if (operation === "count-tokens") return `/models/${model}:countTokens`;
      if (operation === "embed") return `/models/${model}:${options.batch ? "batchEmbedContents" : "embedContent"}`;
      return `/models/${model}:${options.stream ? "streamGenerateContent?alt=sse" : "generateContent"}`;
    }
  }
}

const authHeaders: Readonly<Record<AuthStyle, ((key: string) => [string, string]) | undefined>> = {
  bearer: (key) => ["authorization", `Bearer ${key}`],
  "x-api-key": (key) => ["x-api-key", key],
  "x-goog-api-key": (key) => ["x-goog-api-key", key],
  "api-key": (key) => ["api-key", key],
  none: (key) => ["authorization", `Bearer ${key}`],
};

/** Headers that sign a request in; none without a key. */
export function authHeader(style: AuthStyle, key: string | undefined): Readonly<Record<string, string>> {
  const header = key === undefined || key === "" ? undefined : authHeaders[style]?.(key);
  return header ? { [header[0]]: header[1] } : {};
}

/** Client headers a vendor of the same dialect understands; every other one stays here. */
export const vendorHeaders: Readonly<Record<DialectName, readonly string[]>> = {
  "openai-chat": ["openai-beta"],
  "openai-responses": ["openai-beta"],
  "anthropic-messages": ["anthropic-version", "anthropic-beta"],
  gemini: [],
};

/** Headers a vendor insists on. */
export const requiredHeaders: Readonly<Record<DialectName, Readonly<Record<string, string>>>> = {
  "openai-chat": {},
  "openai-responses": {},
  "anthropic-messages": { "anthropic-version": "2023-06-01" },
  gemini: {},
};
