import {
  compact,
  newId,
  type Finish,
  type JsonObject,
  type Native,
  type StreamEvent,
  type Usage,
} from "@trunkline/contracts";
import type { AnswerContext, StreamEncoder } from "../dialect.ts";
import { sseEvent } from "../shared/sse.ts";
import { callArguments, encodeFinish, encodeLogprobs, signatureOf } from "./encode-response.ts";
import { errorObject } from "./errors.ts";
import { family } from "./schema.ts";
import { encodeUsage } from "./usage.ts";

type Call = { readonly name: string; input: string; readonly native: Native | undefined };

/** Server-sent events, or with `asJsonArray` the elements of one JSON array. A call's `args` is one object and leaves when it is whole. */
export function createStreamEncoder(context: AnswerContext): StreamEncoder {
  let responseId = newId("");
  let usage: Usage | undefined;
  let any = false;
  const calls = new Map<string, Call>();
  const finishes = new Map<number, Finish>();

  function frame(chunk: JsonObject): string {
    const text = JSON.stringify(chunk);
    if (!context.asJsonArray) return sseEvent("", text);
    const separator = any ? ",\r\n" : "[";
    any = true;
    return separator + text;
  }

  function chunk(candidates: JsonObject[], more: JsonObject = {}): string {
    return frame(
      compact({
        candidates,
        usageMetadata: usage ? encodeUsage(usage) : undefined,
        modelVersion: context.model,
        responseId,
        ...more,
      }),
    );
  }

  function partChunk(choice: number, part: JsonObject, more: JsonObject = {}): string {
    return chunk([{ content: { parts: [part], role: "model" }, index: choice, ...more }]);
  }

  function encode(event: StreamEvent): string {
    switch (event.type) {
      case "start":
        responseId = event.id || responseId;
        usage = event.usage;
        return "";
      case "text-delta": {
        const more = event.logprobs ? { logprobsResult: encodeLogprobs(event.logprobs) } : {};
        return event.text === "" && !event.logprobs ? "" : partChunk(event.choice, { text: event.text }, more);
      }
      case "refusal-delta":
        return partChunk(event.choice, { text: event.text });
      case "text-end":
        return event.native
          ? partChunk(event.choice, compact({ text: "", thoughtSignature: signatureOf(event.native) }))
          : "";
      case "reasoning-delta":
        return partChunk(event.choice, { text: event.text, thought: true });
      case "reasoning-end":
        return event.native
          ? partChunk(event.choice, compact({ text: "", thought: true, thoughtSignature: signatureOf(event.native) }))
          : "";
      case "tool-input-start":
        calls.set(event.id, { name: event.name, input: "", native: event.native });
        return "";
      case "tool-input-delta": {
        const call = calls.get(event.id);
        if (call) call.input += event.delta;
        return "";
      }
      case "tool-input-end": {
        const call = calls.get(event.id);
        calls.delete(event.id);
        if (!call) return "";
        const functionCall = { id: event.id, name: call.name, args: callArguments(call.input) };
        return partChunk(event.choice, compact({ functionCall, thoughtSignature: signatureOf(call.native) }));
      }
      case "file":
        return partChunk(event.choice, { inlineData: { mimeType: event.mediaType, data: event.data } });
      case "native":
        return event.native.family === family ? partChunk(event.choice, event.native.value as JsonObject) : "";
      case "finish":
        finishes.set(event.choice, event.finish);
        return "";
      case "usage":
        usage = event.usage;
        return "";
      case "heartbeat":
        // Inside a JSON array white space says as much as a comment.
        return context.asJsonArray ? (any ? "\n" : "") : ": keep-alive\n\n";
      case "error":
        return frame({ error: errorObject(event.error) }) + (context.asJsonArray ? "]" : "");
      case "end": {
        const last = [...finishes].map(([index, finish]) => ({
          content: { parts: [{ text: "" }], role: "model" },
          finishReason: encodeFinish(finish),
          index,
        }));
        return chunk(last) + (context.asJsonArray ? "]" : "");
      }
      default:
        return "";
    }
  }

  return { contentType: context.asJsonArray ? "application/json; charset=utf-8" : "text/event-stream", encode };
}
