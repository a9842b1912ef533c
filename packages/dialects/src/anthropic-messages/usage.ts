import {
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
import { decodeStreamError } from "./errors.ts";

/** Anthropic's `input_tokens` excludes what was read from and written to the cache; ours includes it. */
export function decodeUsage(value: JsonValue | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  const creation = asObject(value["cache_creation"]);
  const written = asNumber(value["cache_creation_input_tokens"]) ?? 0;
  const cacheWrite1hTokens = asNumber(creation?.["ephemeral_1h_input_tokens"]) ?? 0;
  const cacheWrite5mTokens = asNumber(creation?.["ephemeral_5m_input_tokens"]) ?? written - cacheWrite1hTokens;
  const cacheReadTokens = asNumber(value["cache_read_input_tokens"]) ?? 0;
  return usageOf({
    inputTokens: (asNumber(value["input_tokens"]) ?? 0) + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens,
    outputTokens: asNumber(value["output_tokens"]) ?? 0,
    cacheReadTokens,
    cacheWrite5mTokens,
    cacheWrite1hTokens,
    reasoningTokens: asNumber(asObject(value["output_tokens_details"])?.["thinking_tokens"]) ?? 0,
    webSearches: asNumber(asObject(value["server_tool_use"])?.["web_search_requests"]) ?? 0,
  });
}

/** `message_delta.usage` is cumulative but may leave out what `message_start` said. */
export function mergeUsage(start: JsonObject | undefined, delta: JsonObject | undefined): JsonObject {
  const merged: JsonObject = { ...start };
  for (const [name, value] of Object.entries(delta ?? {}))
    if (value !== null && value !== undefined) merged[name] = value;
  return merged;
}

export function encodeUsage(usage: Usage): JsonObject {
  const written = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
  return {
    input_tokens: Math.max(0, usage.inputTokens - usage.cacheReadTokens - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite5mTokens,
      ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
    },
    output_tokens: usage.outputTokens,
  };
}

export function readResponse(body: JsonObject): TapResult {
  return {
    usage: decodeUsage(body["usage"]),
    finishReason: asString(body["stop_reason"]),
    serviceTier: asString(asObject(body["usage"])?.["service_tier"]),
    id: asString(body["id"]),
    complete: true,
    error: undefined,
  };
}

/** Everything the ledger needs stands in `message_start` and `message_delta`; other events are not parsed. */
export function createUsageTap(): UsageTap {
  let id: string | undefined;
  let raw: JsonObject | undefined;
  let finishReason: string | undefined;
  let complete = false;
  let error: GatewayError | undefined;
  return {
    sign: /message_(?:start|delta|stop)|event: ?error/,
    event(name, data) {
      if (name === "message_stop") complete = true;
      else if (name === "message_start") {
        const message = asObject(parseJsonObject(data)?.["message"]);
        id = asString(message?.["id"]);
        raw = mergeUsage(raw, asObject(message?.["usage"]));
      } else if (name === "message_delta") {
        const event = parseJsonObject(data);
        raw = mergeUsage(raw, asObject(event?.["usage"]));
        finishReason = asString(asObject(event?.["delta"])?.["stop_reason"]) ?? finishReason;
      } else if (name === "error") error = decodeStreamError(data);
      return false;
    },
    result: () => ({
      usage: decodeUsage(raw),
      finishReason,
      serviceTier: asString(raw?.["service_tier"]),
      id,
      complete,
      error,
    }),
  };
}

export const beginningOf: Dialect["beginningOf"] = (name) =>
  name === "message_start" || name === "ping" ? "opening" : name === "error" ? "error" : "content";
