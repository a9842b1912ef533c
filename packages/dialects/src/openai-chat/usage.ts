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

/** Chat's `prompt_tokens` includes cached ones and `completion_tokens` includes reasoning: our own way of counting. */
export function decodeUsage(value: JsonValue | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  const prompt = asObject(value["prompt_tokens_details"]) ?? {};
  const completion = asObject(value["completion_tokens_details"]) ?? {};
  const inputTokens = asNumber(value["prompt_tokens"]) ?? 0;
  // DeepSeek and Moonshot report cache hits beside prompt_tokens instead of under its details.
  const cacheReadTokens =
    asNumber(prompt["cached_tokens"]) ??
    asNumber(value["prompt_cache_hit_tokens"]) ??
    asNumber(value["cached_tokens"]) ??
    0;
  const reasoningTokens = asNumber(completion["reasoning_tokens"]) ?? 0;
  const completionTokens = asNumber(value["completion_tokens"]) ?? 0;
  const total = asNumber(value["total_tokens"]);
  // xAI leaves reasoning out of completion_tokens; the total gives it away.
  const leftOut = reasoningTokens > 0 && total === inputTokens + completionTokens + reasoningTokens;
  return usageOf({
    inputTokens,
    outputTokens: completionTokens + (leftOut ? reasoningTokens : 0),
    cacheReadTokens,
    // OpenRouter reports Anthropic's five-minute writes so.
    cacheWrite5mTokens: asNumber(prompt["cache_write_tokens"]) ?? 0,
    reasoningTokens,
    inputAudioTokens: asNumber(prompt["audio_tokens"]) ?? 0,
    outputAudioTokens: asNumber(completion["audio_tokens"]) ?? 0,
  });
}

export function encodeUsage(usage: Usage): JsonObject {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens, audio_tokens: usage.inputAudioTokens },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: usage.outputAudioTokens,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function firstFinish(body: JsonObject): string | undefined {
  const choices = body["choices"];
  return Array.isArray(choices) ? asString(asObject(choices[0])?.["finish_reason"]) : undefined;
}

export function readResponse(body: JsonObject): TapResult {
  return {
    usage: decodeUsage(body["usage"]),
    finishReason: firstFinish(body),
    serviceTier: asString(body["service_tier"]),
    id: asString(body["id"]),
    complete: true,
    error: undefined,
  };
}

/**
 * Only chunks that can hold something of interest are parsed: in a stream of a hundred text deltas that is two.
 * The extra usage chunk is withheld when we asked for it and the client did not.
 */
export function createUsageTap(options: { readonly withholdUsage: boolean }): UsageTap {
  let usage: Usage | undefined;
  let finishReason: string | undefined;
  let serviceTier: string | undefined;
  let id: string | undefined;
  let done = false;
  let error: GatewayError | undefined;
  return {
    sign: /"usage": ?\{|"finish_reason": ?"|\[DONE\]|"error"|"x_groq"/,
    event(_name, data) {
      if (data === "[DONE]") {
        done = true;
        return false;
      }
      const maybeUsage = data.includes('"usage"') && !data.includes('"usage":null');
      if (
        id !== undefined &&
        !maybeUsage &&
        !data.includes('"finish_reason":"') &&
        !data.includes('"finish_reason": "') &&
        !data.includes('"error"')
      )
        return false;
      const chunk = parseJsonObject(data);
      if (!chunk) return false;
      id ??= asString(chunk["id"]) ?? "";
      if (isObject(chunk["error"]))
        error = decodeError({ status: asNumber(chunk["error"]["code"]) ?? 500, retryAfterMs: undefined, body: data });
      finishReason = firstFinish(chunk) ?? finishReason;
      serviceTier = asString(chunk["service_tier"]) ?? serviceTier;
      const found = decodeUsage(chunk["usage"]) ?? decodeUsage(asObject(chunk["x_groq"])?.["usage"]);
      if (!found) return false;
      usage = found;
      return options.withholdUsage && Array.isArray(chunk["choices"]) && chunk["choices"].length === 0;
    },
    result: () => ({ usage, finishReason, serviceTier, id, complete: done || finishReason !== undefined, error }),
  };
}

/** The chunk that only says who speaks, and those with nothing in them at all. */
export const beginningOf: Dialect["beginningOf"] = (_name, data) => {
  const chunk = parseJsonObject(data);
  if (!chunk) return "content";
  if (isObject(chunk["error"])) return "error";
  const choices = asArray(chunk["choices"]).map(asObject);
  if (choices.length === 0) return chunk["usage"] ? "content" : "opening";
  const says = choices.some(
    (choice) =>
      (choice?.["finish_reason"] ?? null) !== null ||
      Object.entries(asObject(choice?.["delta"]) ?? {}).some(
        ([name, value]) => name !== "role" && value !== null && value !== "",
      ),
  );
  return says ? "content" : "opening";
};
