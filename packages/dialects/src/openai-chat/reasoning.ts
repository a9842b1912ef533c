import { asArray, asObject, asString, type JsonObject, type ReasoningPart, lookUp } from "@trunkline/contracts";
import { unwrapNative, wrapNative } from "../shared/native.ts";

/**
 * Chat has no field of its own for thoughts. Two forms are in use and both are read and written: `reasoning_content` (DeepSeek) or
 * `reasoning` as plain text, and `reasoning_details` (OpenRouter), a list that also carries signatures.
 */
const formats: Readonly<Record<string, string>> = {
  "anthropic-claude-v1": "anthropic",
  "google-gemini-v1": "gemini",
  "openai-responses-v1": "openai",
};

function familyOf(format: string | undefined): string {
  return lookUp(formats, format) ?? format ?? "other";
}

function formatOf(family: string): string {
  return Object.entries(formats).find(([, name]) => name === family)?.[0] ?? family;
}

export function decodeReasoning(message: JsonObject): ReasoningPart[] {
  const details = asArray(message["reasoning_details"]);
  if (details.length === 0) {
    const text = asString(message["reasoning_content"]) ?? asString(message["reasoning"]);
    return text ? [{ type: "reasoning", text }] : [];
  }
  return details.flatMap((value): ReasoningPart[] => {
    const detail = asObject(value);
    if (!detail) return [];
    const family = familyOf(asString(detail["format"]));
    const encrypted = asString(detail["data"]);
    const signature = asString(detail["signature"]);
    const text = asString(detail["text"]) ?? asString(detail["summary"]) ?? "";
    const hidden = detail["type"] === "reasoning.encrypted" && encrypted !== undefined;
    const native = hidden
      ? unwrapNative(encrypted, family)
      : signature === undefined
        ? undefined
        : unwrapNative(signature, family);
    return [{ type: "reasoning", text, ...(hidden ? { redacted: true } : {}), ...(native ? { native } : {}) }];
  });
}

/** One entry of `reasoning_details`; `index` orders the entries of a message. */
export function encodeReasoningDetail(part: ReasoningPart, index: number): JsonObject {
  if (!part.native) return { type: "reasoning.text", text: part.text, index };
  const format = formatOf(part.native.family);
  const opaque = wrapNative(part.native, part.native.family);
  if (part.redacted) return { type: "reasoning.encrypted", data: opaque, format, index };
  return { type: "reasoning.text", text: part.text, signature: opaque, format, index };
}
