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
import { unwrapNative } from "../shared/native.ts";
import { decodeFinish } from "./decode-response.ts";
import { decodeStreamError } from "./errors.ts";
import { family } from "./schema.ts";
import { decodeUsage, mergeUsage } from "./usage.ts";

type Block = {
  readonly type: string;
  readonly id: string;
  signature: string;
  input: string;
  readonly body: JsonObject;
};

export function createStreamDecoder(): StreamDecoder {
  const blocks = new Map<number, Block>();
  let usage: JsonObject | undefined;
  let ended = false;
  let finished = false;

  function fail(error: GatewayError, emit: EmitEvent): void {
    ended = true;
    emit({ type: "error", error });
  }

  function startBlock(index: number, body: JsonObject, emit: EmitEvent): void {
    const type = asString(body["type"]) ?? "";
    const id = type === "tool_use" ? (asString(body["id"]) ?? `call_${index}`) : `block-${index}`;
    blocks.set(index, { type, id, signature: asString(body["signature"]) ?? "", input: "", body });
    if (type === "text") {
      emit({ type: "text-start", choice: 0, id });
      const text = asString(body["text"]);
      if (text) emit({ type: "text-delta", choice: 0, id, text });
    } else if (type === "thinking") {
      emit({ type: "reasoning-start", choice: 0, id });
      const text = asString(body["thinking"]);
      if (text) emit({ type: "reasoning-delta", choice: 0, id, text });
    } else if (type === "redacted_thinking") {
      emit({ type: "reasoning-start", choice: 0, id });
      emit({
        type: "reasoning-end",
        choice: 0,
        id,
        redacted: true,
        native: unwrapNative(asString(body["data"]) ?? "", family),
      });
    } else if (type === "tool_use") {
      emit({ type: "tool-input-start", choice: 0, id, name: asString(body["name"]) ?? "", kind: "function" });
    }
  }

  function deltaBlock(block: Block, delta: JsonObject, emit: EmitEvent): void {
    const { id } = block;
    switch (delta["type"]) {
      case "text_delta":
        return emit({ type: "text-delta", choice: 0, id, text: asString(delta["text"]) ?? "" });
      case "thinking_delta":
        return emit({ type: "reasoning-delta", choice: 0, id, text: asString(delta["thinking"]) ?? "" });
      case "signature_delta":
        block.signature += asString(delta["signature"]) ?? "";
        return;
      case "citations_delta":
        return emit({ type: "source", choice: 0, id, citation: { family, value: delta["citation"] ?? null } });
      case "input_json_delta": {
        const text = asString(delta["partial_json"]) ?? "";
        block.input += block.type === "tool_use" ? "" : text;
        if (block.type === "tool_use" && text !== "") emit({ type: "tool-input-delta", choice: 0, id, delta: text });
      }
    }
  }

  function stopBlock(block: Block, emit: EmitEvent): void {
    const { id, type } = block;
    if (type === "text") emit({ type: "text-end", choice: 0, id });
    else if (type === "thinking") {
      emit({
        type: "reasoning-end",
        choice: 0,
        id,
        ...(block.signature === "" ? {} : { native: unwrapNative(block.signature, family) }),
      });
    } else if (type === "tool_use") emit({ type: "tool-input-end", choice: 0, id });
    else if (type !== "redacted_thinking") {
      const input = block.input === "" ? {} : { input: parseJsonObject(block.input) ?? block.input };
      emit({ type: "native", choice: 0, id, native: { family, value: { ...block.body, ...input } } });
    }
  }

  return {
    event(name, data, emit) {
      if (ended || name === "ping") return;
      const event = parseJsonObject(data);
      if (!event)
        return fail(
          new GatewayError("upstream_bad_response", "The provider's stream held an event that is not JSON."),
          emit,
        );
      const index = asNumber(event["index"]) ?? 0;
      switch (event["type"]) {
        case "message_start": {
          const message = asObject(event["message"]) ?? {};
          usage = mergeUsage(usage, asObject(message["usage"]));
          const early = decodeUsage(usage);
          emit({
            type: "start",
            id: asString(message["id"]) ?? "",
            model: asString(message["model"]) ?? "",
            created: 0,
            ...(early ? { usage: early } : {}),
          });
          return;
        }
        case "content_block_start":
          return startBlock(index, asObject(event["content_block"]) ?? {}, emit);
        case "content_block_delta": {
          const block = blocks.get(index);
          if (block) deltaBlock(block, asObject(event["delta"]) ?? {}, emit);
          return;
        }
        case "content_block_stop": {
          const block = blocks.get(index);
          blocks.delete(index);
          if (block) stopBlock(block, emit);
          return;
        }
        case "message_delta": {
          usage = mergeUsage(usage, asObject(event["usage"]));
          const delta = asObject(event["delta"]) ?? {};
          const reason = asString(delta["stop_reason"]);
          if (reason !== undefined) {
            finished = true;
            emit({ type: "finish", choice: 0, finish: decodeFinish(reason, asString(delta["stop_sequence"])) });
          }
          const total = decodeUsage(usage);
          if (total) emit({ type: "usage", usage: total });
          return;
        }
        case "message_stop":
          if (!finished)
            return fail(
              new GatewayError("upstream_ended_early", "The provider's stream ended without a reason to."),
              emit,
            );
          ended = true;
          return emit({ type: "end" });
        case "error":
          return fail(decodeStreamError(data), emit);
      }
    },
    close(emit) {
      if (!ended)
        fail(new GatewayError("upstream_ended_early", "The provider's stream ended before it was finished."), emit);
    },
  };
}
