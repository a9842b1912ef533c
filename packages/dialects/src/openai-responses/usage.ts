import {
  asNumber,
  asObject,
  asString,
  isObject,
  parseJsonObject,
  usageOf,
  type JsonObject,
  type JsonValue,
  type Usage,
} from "@trunkline/contracts";
import type { Dialect, TapResult, UsageTap } from "../dialect.ts";
import { decodeStreamError } from "./errors.ts";

/** Counts as ours do: input includes cached tokens, output includes reasoning. */
export function decodeUsage(value: JsonValue | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  const input = asObject(value["input_tokens_details"]);
  return usageOf({
    inputTokens: asNumber(value["input_tokens"]) ?? 0,
    outputTokens: asNumber(value["output_tokens"]) ?? 0,
    cacheReadTokens: asNumber(input?.["cached_tokens"]) ?? 0,
    reasoningTokens: asNumber(asObject(value["output_tokens_details"])?.["reasoning_tokens"]) ?? 0,
    cacheWrite5mTokens: asNumber(input?.["cache_write_tokens"]) ?? 0,
    inputAudioTokens: asNumber(input?.["audio_tokens"]) ?? 0,
    outputAudioTokens: asNumber(asObject(value["output_tokens_details"])?.["audio_tokens"]) ?? 0,
  });
}

/** `reasoning_tokens` is always there: SDKs read it without asking. */
export function encodeUsage(usage: Usage): JsonObject {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cacheReadTokens },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}

function finishOf(response: JsonObject): string | undefined {
  return asString(asObject(response["incomplete_details"])?.["reason"]) ?? asString(response["status"]);
}

export function readResponse(body: JsonObject): TapResult {
  return {
    usage: decodeUsage(body["usage"]),
    finishReason: finishOf(body),
    serviceTier: asString(body["service_tier"]),
    id: asString(body["id"]),
    complete: true,
    error: undefined,
  };
}

/** The last event repeats the whole response; only it and the first are parsed. */
export function createUsageTap(): UsageTap {
  let last: TapResult = {
    usage: undefined,
    finishReason: undefined,
    serviceTier: undefined,
    id: undefined,
    complete: false,
    error: undefined,
  };
  return {
    sign: /response\.(?:created|completed|incomplete|failed)|event: ?error/,
    event(name, data) {
      switch (name) {
        case "response.created":
          last = { ...last, id: asString(asObject(parseJsonObject(data)?.["response"])?.["id"]) };
          break;
        case "response.completed":
        case "response.incomplete":
          last = readResponse(asObject(parseJsonObject(data)?.["response"]) ?? {});
          break;
        case "response.failed": {
          const response = asObject(parseJsonObject(data)?.["response"]) ?? {};
          last = { ...readResponse(response), error: decodeStreamError(response) };
          break;
        }
        case "error":
          last = { ...last, error: decodeStreamError(parseJsonObject(data) ?? {}) };
      }
      return false;
    },
    result: () => last,
  };
}

const openings: ReadonlySet<string> = new Set(["response.created", "response.queued", "response.in_progress"]);

export const beginningOf: Dialect["beginningOf"] = (name) =>
  openings.has(name) ? "opening" : name === "error" || name === "response.failed" ? "error" : "content";
