import type { LanguageModelV4FinishReason, LanguageModelV4StreamPart, LanguageModelV4Usage } from "@ai-sdk/provider";
import {
  GatewayError,
  usageOf,
  type EmitEvent,
  type FinishReason,
  type JsonValue,
  type Native,
  type Usage,
} from "@trunkline/contracts";

const reasons: Readonly<Record<LanguageModelV4FinishReason["unified"], FinishReason>> = {
  stop: "stop",
  length: "length",
  "content-filter": "content-filter",
  "tool-calls": "tool-calls",
  error: "other",
  interrupted: "other",
  other: "other",
};

function usageFrom({ inputTokens, outputTokens }: LanguageModelV4Usage): Usage {
  return usageOf({
    inputTokens: inputTokens.total ?? 0,
    outputTokens: outputTokens.total ?? 0,
    cacheReadTokens: inputTokens.cacheRead ?? 0,
    cacheWrite5mTokens: inputTokens.cacheWrite ?? 0,
    reasoningTokens: outputTokens.reasoning ?? 0,
    estimated: inputTokens.total === undefined,
  });
}

/** Turns the AI SDK's stream parts into events; they share most names. */
export function createPartDecoder(
  family: string,
  emit: EmitEvent,
): { part(part: LanguageModelV4StreamPart): void; close(): void } {
  const streamed = new Set<string>();
  let finished = false;

  function nativeOf(metadata: unknown): { native?: Native } {
    return metadata === undefined ? {} : { native: { family, value: metadata as JsonValue } };
  }

  function part(value: LanguageModelV4StreamPart): void {
    switch (value.type) {
      case "response-metadata":
        return emit({
          type: "start",
          id: value.id ?? "",
          model: value.modelId ?? "",
          created: value.timestamp ? Math.floor(value.timestamp.getTime() / 1000) : 0,
        });
      case "text-start":
      case "reasoning-start":
        return emit({ type: value.type, choice: 0, id: value.id });
      case "text-delta":
      case "reasoning-delta":
        return emit({ type: value.type, choice: 0, id: value.id, text: value.delta });
      case "text-end":
        return emit({ type: "text-end", choice: 0, id: value.id });
      case "reasoning-end":
        return emit({ type: "reasoning-end", choice: 0, id: value.id, ...nativeOf(value.providerMetadata) });
      case "tool-input-start":
        streamed.add(value.id);
        return emit({
          type: "tool-input-start",
          choice: 0,
          id: value.id,
          name: value.toolName,
          kind: "function",
          ...nativeOf(value.providerMetadata),
        });
      case "tool-input-delta":
        return emit({ type: "tool-input-delta", choice: 0, id: value.id, delta: value.delta });
      case "tool-input-end":
        return emit({ type: "tool-input-end", choice: 0, id: value.id });
      case "tool-call":
        // It repeats what was streamed, unless the provider does not stream inputs.
        if (streamed.has(value.toolCallId)) return;
        emit({
          type: "tool-input-start",
          choice: 0,
          id: value.toolCallId,
          name: value.toolName,
          kind: "function",
          ...nativeOf(value.providerMetadata),
        });
        emit({ type: "tool-input-delta", choice: 0, id: value.toolCallId, delta: value.input });
        return emit({ type: "tool-input-end", choice: 0, id: value.toolCallId });
      case "finish":
        finished = true;
        emit({
          type: "finish",
          choice: 0,
          finish: {
            reason: reasons[value.finishReason.unified],
            ...(value.finishReason.raw === undefined ? {} : { native: value.finishReason.raw }),
          },
        });
        emit({ type: "usage", usage: usageFrom(value.usage) });
        return emit({ type: "end" });
      case "error":
        finished = true;
        return emit({ type: "error", error: sdkError(value.error) });
    }
  }

  return {
    part,
    close() {
      if (!finished)
        emit({
          type: "error",
          error: new GatewayError("upstream_ended_early", "The provider's stream ended before it was finished."),
        });
    },
  };
}

/** An error of the AI SDK carries the upstream's status where there was one. */
export function sdkError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const { statusCode, message } = (typeof error === "object" && error !== null ? error : {}) as {
    statusCode?: number;
    message?: string;
  };
  const text = message ?? String(error);
  if (statusCode === undefined)
    return new GatewayError("upstream_error", `The provider failed: ${text.slice(0, 500)}`, { cause: error });
  const code =
    statusCode === 401 || statusCode === 403
      ? "upstream_auth_failed"
      : statusCode === 404
        ? "upstream_not_found"
        : statusCode === 429
          ? "upstream_rate_limited"
          : statusCode === 503 || statusCode === 529
            ? "upstream_overloaded"
            : statusCode >= 500
              ? "upstream_error"
              : "upstream_rejected";
  return new GatewayError(code, `The provider answered with status ${statusCode}: ${text.slice(0, 500)}`, {
    upstreamStatus: statusCode,
    cause: error,
  });
}
