import { newId, noUsage, type Finish, type JsonObject, type StreamEvent, type Usage } from "@trunkline/contracts";
import type { AnswerContext, StreamEncoder } from "../dialect.ts";
import { sseEvent } from "../shared/sse.ts";
import { encodeFinish, encodeSignature } from "./encode-response.ts";
import { encodeError } from "./errors.ts";
import { family } from "./schema.ts";
import { encodeUsage } from "./usage.ts";

function wire(type: string, members: JsonObject): string {
  return sseEvent(type, JSON.stringify({ type, ...members }));
}

/**
 * Blocks of a Messages stream never overlap, while other dialects interleave parallel tool calls: what belongs to a block that is not
 * the open one waits until that one has ended.
 */
export function createStreamEncoder(context: AnswerContext): StreamEncoder {
  let started = false;
  let index = -1;
  let open: string | undefined;
  let finish: Finish | undefined;
  let usage: Usage | undefined;
  const waiting: StreamEvent[] = [];

  function start(id = "", known?: Usage): string {
    if (started) return "";
    started = true;
    usage = known;
    // Clients read the input's size here, long before other upstreams tell it: our estimate stands in.
    const early =
      known && known.inputTokens > 0 ? known : { ...noUsage, inputTokens: Math.max(1, context.estimatedInputTokens) };
    return wire("message_start", {
      message: {
        id: id.startsWith("msg_") ? id : newId("msg_"),
        type: "message",
        role: "assistant",
        model: context.model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...encodeUsage(early), output_tokens: Math.max(1, early.outputTokens) },
      },
    });
  }

  function openBlock(id: string, block: JsonObject): string {
    const before = start();
    index++;
    open = id;
    return before + wire("content_block_start", { index, content_block: block });
  }

  function delta(body: JsonObject): string {
    return wire("content_block_delta", { index, delta: body });
  }

  function closeBlock(): string {
    if (open === undefined) return "";
    open = undefined;
    return wire("content_block_stop", { index });
  }

  function signatureBlock(native: { family: string; value: JsonObject[string] }): string {
    return (
      openBlock("signature", { type: "thinking", thinking: "", signature: "" }) +
      delta({ type: "signature_delta", signature: encodeSignature(native) }) +
      closeBlock()
    );
  }

  /** What a block's event must wait for: another block that is still open. */
  function mustWait(event: StreamEvent): boolean {
    if (!("id" in event) || event.type === "start") return false;
    return open !== undefined && event.id !== open;
  }

  function release(): string {
    let text = "";
    const queue = waiting.splice(0);
    for (const event of queue) text += place(event);
    return text;
  }

  function place(event: StreamEvent): string {
    // A text or thought that was never ended by its source ends where the next block begins.
    if (mustWait(event)) {
      if (event.type === "tool-input-delta" || event.type === "tool-input-end" || (open && toolOpen)) {
        waiting.push(event);
        return "";
      }
      return closeBlock() + write(event);
    }
    return write(event);
  }

  let toolOpen = false;

  function write(event: StreamEvent): string {
    switch (event.type) {
      case "start":
        return start(event.id, event.usage);
      case "text-start":
        return openBlock(event.id, { type: "text", text: "" });
      case "text-delta":
        return (
          (open === event.id ? "" : openBlock(event.id, { type: "text", text: "" })) +
          delta({ type: "text_delta", text: event.text })
        );
      case "refusal-delta":
        return (
          (open === event.id ? "" : openBlock(event.id, { type: "text", text: "" })) +
          delta({ type: "text_delta", text: event.text })
        );
      case "text-end":
        return (open === event.id ? closeBlock() : "") + (event.native ? signatureBlock(event.native) : "");
      case "reasoning-start":
        // Whether it is redacted is known at its end; the block opens with the first text.
        return "";
      case "reasoning-delta":
        return (
          (open === event.id ? "" : openBlock(event.id, { type: "thinking", thinking: "", signature: "" })) +
          delta({ type: "thinking_delta", thinking: event.text })
        );
      case "reasoning-end": {
        if (event.redacted)
          return (
            closeBlock() +
            openBlock(event.id, { type: "redacted_thinking", data: encodeSignature(event.native) }) +
            closeBlock()
          );
        if (!event.native) return open === event.id ? closeBlock() : "";
        const opening = open === event.id ? "" : openBlock(event.id, { type: "thinking", thinking: "", signature: "" });
        return opening + delta({ type: "signature_delta", signature: encodeSignature(event.native) }) + closeBlock();
      }
      case "tool-input-start": {
        const before = event.native ? signatureBlock(event.native) : "";
        toolOpen = true;
        return before + openBlock(event.id, { type: "tool_use", id: event.id, name: event.name, input: {} });
      }
      case "tool-input-delta":
        return delta({ type: "input_json_delta", partial_json: event.delta });
      case "tool-input-end":
        toolOpen = false;
        return closeBlock() + release();
      case "source":
        return event.citation.family === family && open === event.id
          ? delta({ type: "citations_delta", citation: event.citation.value })
          : "";
      case "native":
        return event.native.family === family
          ? openBlock(event.id, event.native.value as JsonObject) + closeBlock()
          : "";
      default:
        return "";
    }
  }

  function encode(event: StreamEvent): string {
    switch (event.type) {
      case "finish":
        finish = event.finish;
        return "";
      case "usage":
        usage = event.usage;
        return "";
      case "heartbeat":
        return sseEvent("ping", '{"type": "ping"}');
      case "error":
        return sseEvent("error", JSON.stringify(encodeError(event.error, context.requestId).body));
      case "end": {
        toolOpen = false;
        const rest = start() + closeBlock() + release() + closeBlock();
        const total = encodeUsage(usage ?? { ...noUsage, inputTokens: context.estimatedInputTokens });
        return rest + wire("message_delta", { delta: encodeFinish(finish), usage: total }) + wire("message_stop", {});
      }
      default:
        return "choice" in event && event.choice > 0 ? "" : place(event);
    }
  }

  return { contentType: "text/event-stream; charset=utf-8", encode };
}
