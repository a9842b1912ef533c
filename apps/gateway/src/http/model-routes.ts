import type { DialectName, Operation } from "@trunkline/contracts";

/** What a model route's address says. */
export type ModelRoute = {
  readonly dialect: DialectName;
  readonly operation: Operation;
  /** Gemini names the model in the address. */
  readonly model?: string;
  /** Gemini asks for a stream in the address. */
  readonly stream?: boolean;
  readonly batch?: boolean;
};

const fixed: Readonly<Record<string, ModelRoute>> = {
  "/v1/chat/completions": { dialect: "openai-chat", operation: "generate" },
  "/v1/embeddings": { dialect: "openai-chat", operation: "embed" },
  "/v1/responses": { dialect: "openai-responses", operation: "generate" },
  "/v1/responses/input_tokens": { dialect: "openai-responses", operation: "count-tokens" },
  "/v1/messages": { dialect: "anthropic-messages", operation: "generate" },
  "/v1/messages/count_tokens": { dialect: "anthropic-messages", operation: "count-tokens" },
};

const verbs: Readonly<Record<string, Omit<ModelRoute, "model">>> = {
  generateContent: { dialect: "gemini", operation: "generate" },
  streamGenerateContent: { dialect: "gemini", operation: "generate", stream: true },
  countTokens: { dialect: "gemini", operation: "count-tokens" },
  embedContent: { dialect: "gemini", operation: "embed" },
  batchEmbedContents: { dialect: "gemini", operation: "embed", batch: true },
};

/** Clients put a model whose name has a slash either behind `models/` or in its place. */
const geminiPath = /^\/v1(?:beta|alpha)?\/(?:models\/)?(.+):([A-Za-z]+)$/;

/** The route of a POST's path, or undefined when it is none of the model routes. */
export function matchModelRoute(path: string): ModelRoute | undefined {
  if (Object.hasOwn(fixed, path)) return fixed[path];
  const match = geminiPath.exec(path);
  const verb = match ? match[2]! : "";
  if (!match || !Object.hasOwn(verbs, verb)) return undefined;
  return { ...verbs[verb]!, model: safeDecode(match[1]!) };
}

/** The text with its percent signs decoded, or as it is where they make no sense. */
export function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The paths with a fixed address, for the reference and for answers to the wrong method. */
export const modelPaths = Object.keys(fixed);
/** Verbs of the Gemini addresses. */
export const geminiVerbs = Object.keys(verbs);

/** The dialect an address belongs to, for the shape of errors on addresses that do not exist. */
export function dialectOfPath(path: string, headers: Readonly<Record<string, unknown>>): DialectName {
  if (path.startsWith("/v1/messages") || headers["anthropic-version"] !== undefined) return "anthropic-messages";
  if (
    path.startsWith("/v1beta") ||
    path.startsWith("/v1alpha") ||
    geminiPath.test(path) ||
    headers["x-goog-api-key"] !== undefined
  )
    return "gemini";
  return path.startsWith("/v1/responses") ? "openai-responses" : "openai-chat";
}
