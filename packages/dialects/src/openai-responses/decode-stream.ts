import { logprobsOf } from "../shared/logprobs.ts";
import {
  asNumber,
  asObject,
  asString,
  GatewayError,
  parseJsonObject,
  type EmitEvent,
  type JsonObject,
} from "@trunkline/contracts";
import type { StreamDecoder } from "../dialect.ts";
import { decodeFinish } from "./decode-response.ts";
import { decodeStreamError } from "./errors.ts";
import { decodeReasoningItem } from "./items.ts";
import { family } from "./schema.ts";
import { decodeUsage } from "./usage.ts";

export function createStreamDecoder(): StreamDecoder {
  /** Call ids by item id: deltas name the item, clients know the call. */
  const calls = new Map<string, { id: string; input: string }>();
  const summaries = new Map<string, number>();
  const seen = { called: false, refused: false };
  let ended = false;

  function fail(error: GatewayError, emit: EmitEvent): void {
    ended = true;
    emit({ type: "error", error });
  }

  function addItem(item: JsonObject, emit: EmitEvent): void {
    const id = asString(item["id"]) ?? "";
    if (item["type"] === "reasoning") emit({ type: "reasoning-start", choice: 0, id });
    if (item["type"] !== "function_call" && item["type"] !== "custom_tool_call") return;
    const callId = asString(item["call_id"]) ?? id;
    const namespace = asString(item["namespace"]);
    seen.called = true;
    calls.set(id, { id: callId, input: "" });
    emit({
      type: "tool-input-start",
      choice: 0,
      id: callId,
      name: asString(item["name"]) ?? "",
      kind: item["type"] === "custom_tool_call" ? "custom" : "function",
      ...(namespace === undefined ? {} : { namespace }),
    });
  }

  function finishItem(item: JsonObject, emit: EmitEvent): void {
    const id = asString(item["id"]) ?? "";
    switch (item["type"]) {
      case "reasoning": {
        const { native } = decodeReasoningItem(item);
        return emit({ type: "reasoning-end", choice: 0, id, ...(native ? { native } : {}) });
      }
      case "function_call":
      case "custom_tool_call": {
        const call = calls.get(id);
        if (!call) return;
        const whole = asString(item["arguments"]) ?? asString(item["input"]) ?? "";
        // Some servers send no deltas at all.
        if (call.input === "" && whole !== "") emit({ type: "tool-input-delta", choice: 0, id: call.id, delta: whole });
        return emit({ type: "tool-input-end", choice: 0, id: call.id });
      }
      case "image_generation_call": {
        const data = asString(item["result"]);
        if (data)
          emit({ type: "file", choice: 0, id, mediaType: `image/${asString(item["output_format"]) ?? "png"}`, data });
        return;
      }
      case "message":
        return;
      default:
        emit({ type: "native", choice: 0, id, native: { family, value: item } });
    }
  }

  function textId(event: JsonObject): string {
    return `${asString(event["item_id"]) ?? ""}-${asNumber(event["content_index"]) ?? 0}`;
  }

  return {
    event(name, data, emit) {
      if (ended) return;
      const event = parseJsonObject(data);
      if (!event) {
        if (data === "[DONE]") return;
        return fail(
          new GatewayError("upstream_bad_response", "The provider's stream held an event that is not JSON."),
          emit,
        );
      }
      const delta = asString(event["delta"]) ?? "";
      const itemId = asString(event["item_id"]) ?? "";
      const type = asString(event["type"]) ?? name;
      switch (type) {
        case "response.created": {
          const response = asObject(event["response"]) ?? {};
          const tier = asString(response["service_tier"]);
          return emit({
            type: "start",
            id: asString(response["id"]) ?? "",
            model: asString(response["model"]) ?? "",
            created: asNumber(response["created_at"]) ?? 0,
            ...(tier === undefined ? {} : { serviceTier: tier }),
          });
        }
        case "response.output_item.added":
          return addItem(asObject(event["item"]) ?? {}, emit);
        case "response.content_part.added":
          if (asObject(event["part"])?.["type"] === "output_text")
            emit({ type: "text-start", choice: 0, id: textId(event) });
          return;
        case "response.output_text.delta": {
          const logprobs = logprobsOf(event["logprobs"]);
          return emit({
            type: "text-delta",
            choice: 0,
            id: textId(event),
            text: delta,
            ...(logprobs.length > 0 ? { logprobs } : {}),
          });
        }
        case "response.output_text.annotation.added":
          return emit({
            type: "source",
            choice: 0,
            id: textId(event),
            citation: { family, value: event["annotation"] ?? null },
          });
        case "response.content_part.done":
          if (asObject(event["part"])?.["type"] === "output_text")
            emit({ type: "text-end", choice: 0, id: textId(event) });
          return;
        case "response.refusal.delta":
          seen.refused = true;
          return emit({ type: "refusal-delta", choice: 0, id: textId(event), text: delta });
        case "response.reasoning_summary_part.added": {
          const count = summaries.get(itemId) ?? 0;
          summaries.set(itemId, count + 1);
          if (count > 0) emit({ type: "reasoning-delta", choice: 0, id: itemId, text: "\n\n" });
          return;
        }
        case "response.reasoning_summary_text.delta":
        case "response.reasoning_text.delta":
          return emit({ type: "reasoning-delta", choice: 0, id: itemId, text: delta });
        case "response.function_call_arguments.delta":
        case "response.custom_tool_call_input.delta": {
          const call = calls.get(itemId);
          if (!call || delta === "") return;
          call.input += delta;
          return emit({ type: "tool-input-delta", choice: 0, id: call.id, delta });
        }
        case "response.output_item.done":
          return finishItem(asObject(event["item"]) ?? {}, emit);
        case "response.completed":
        case "response.incomplete": {
          ended = true;
          const response = asObject(event["response"]) ?? {};
          emit({ type: "finish", choice: 0, finish: decodeFinish(response, seen) });
          const usage = decodeUsage(response["usage"]);
          if (usage) emit({ type: "usage", usage });
          return emit({ type: "end" });
        }
        case "response.failed":
          return fail(decodeStreamError(asObject(event["response"]) ?? {}), emit);
        case "error":
          return fail(decodeStreamError(event), emit);
      }
    },
    close(emit) {
      if (!ended)
        fail(new GatewayError("upstream_ended_early", "The provider's stream ended before it was finished."), emit);
    },
  };
}
