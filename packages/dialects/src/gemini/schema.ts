import type { FinishReason } from "@trunkline/contracts";

/** The model family whose native data this dialect carries. */
export const family = "gemini";

/** Top-level members of a generateContent request this gateway translates; others are reported as degraded. */
export const knownMembers: ReadonlySet<string> = new Set([
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "generationConfig",
  "model",
]);

export const finishReasons: Readonly<Record<string, FinishReason>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content-filter",
  RECITATION: "content-filter",
  BLOCKLIST: "content-filter",
  PROHIBITED_CONTENT: "content-filter",
  SPII: "content-filter",
  IMAGE_SAFETY: "content-filter",
  IMAGE_PROHIBITED_CONTENT: "content-filter",
};

/** A function's response with one of these members alone is an envelope around a plain value. */
export const envelopes: readonly string[] = ["output", "result", "error", "content"];
