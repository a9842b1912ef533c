import {
  asArray,
  asNumber,
  asObject,
  asString,
  isObject,
  parseJsonObject,
  usageOf,
  type GatewayError,
  type JsonObject,
  type JsonValue,
  type Usage,
} from "@trunkline/contracts";
import type { Dialect, TapResult, UsageTap } from "../dialect.ts";
import { decodeError } from "./errors.ts";

function modality(details: JsonValue | undefined, name: string): number {
  for (const item of asArray(details)) {
    const detail = asObject(item);
    if (detail?.["modality"] === name) return asNumber(detail["tokenCount"]) ?? 0;
  }
  return 0;
}

/** Google counts thoughts apart from candidates, and the result of its own tools apart from the prompt; ours include both. */
export function decodeUsage(value: JsonValue | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  const reasoningTokens = asNumber(value["thoughtsTokenCount"]) ?? 0;
  return usageOf({
    inputTokens: (asNumber(value["promptTokenCount"]) ?? 0) + (asNumber(value["toolUsePromptTokenCount"]) ?? 0),
    outputTokens: (asNumber(value["candidatesTokenCount"]) ?? 0) + reasoningTokens,
    cacheReadTokens: asNumber(value["cachedContentTokenCount"]) ?? 0,
    reasoningTokens,
    inputAudioTokens: modality(value["promptTokensDetails"], "AUDIO"),
    outputAudioTokens: modality(value["candidatesTokensDetails"], "AUDIO"),
    cacheAudioReadTokens: modality(value["cacheTokensDetails"], "AUDIO"),
    outputImageTokens: modality(value["candidatesTokensDetails"], "IMAGE"),
  });
}

export function encodeUsage(usage: Usage): JsonObject {
  return {
    promptTokenCount: usage.inputTokens,
    candidatesTokenCount: usage.outputTokens - usage.reasoningTokens,
    totalTokenCount: usage.inputTokens + usage.outputTokens,
    ...(usage.cacheReadTokens > 0 ? { cachedContentTokenCount: usage.cacheReadTokens } : {}),
    ...(usage.reasoningTokens > 0 ? { thoughtsTokenCount: usage.reasoningTokens } : {}),
  };
}

function finishOf(body: JsonObject): string | undefined {
  const blocked = asString(asObject(body["promptFeedback"])?.["blockReason"]);
  return asString(asObject(asArray(body["candidates"])[0])?.["finishReason"]) ?? blocked;
}

export function readResponse(body: JsonObject): TapResult {
  return {
    usage: decodeUsage(body["usageMetadata"]),
    finishReason: finishOf(body),
    serviceTier: undefined,
    id: asString(body["responseId"]),
    complete: true,
    error: undefined,
  };
}

/** Every chunk carries usage so far; only the last one's counts, so chunks are kept as text and the last with usage is parsed. */
export function createUsageTap(): UsageTap {
  let withUsage: string | undefined;
  let id: string | undefined;
  let finishReason: string | undefined;
  let error: GatewayError | undefined;
  return {
    sign: undefined,
    event(_name, data) {
      if (data.includes('"usageMetadata"')) withUsage = data;
      if (id === undefined || data.includes('"finishReason"') || data.includes('"blockReason"')) {
        const chunk = parseJsonObject(data);
        id ??= asString(chunk?.["responseId"]) ?? "";
        if (chunk) finishReason = finishOf(chunk) ?? finishReason;
      }
      if (data.startsWith('{"error"') || data.startsWith('{ "error"')) {
        const status = asNumber(asObject(parseJsonObject(data)?.["error"])?.["code"]) ?? 500;
        error = decodeError({ status, retryAfterMs: undefined, body: data });
      }
      return false;
    },
    result() {
      const usage = withUsage === undefined ? undefined : decodeUsage(parseJsonObject(withUsage)?.["usageMetadata"]);
      return { usage, finishReason, serviceTier: undefined, id, complete: finishReason !== undefined, error };
    },
  };
}

export const beginningOf: Dialect["beginningOf"] = (_name, data) => (/^\{\s*"error"/.test(data) ? "error" : "content");
