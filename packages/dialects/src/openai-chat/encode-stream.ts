import {
  compact,
  newId,
  type JsonObject,
  type ReasoningPart,
  type StreamEvent,
  type Usage,
} from "@trunkline/contracts";
import type { AnswerContext, StreamEncoder } from "../dialect.ts";
import { sseEvent } from "../shared/sse.ts";
import { encodeFinish, encodeImage, encodeSignature } from "./encode-response.ts";
import { errorObject } from "./errors.ts";
import { encodeReasoningDetail } from "./reasoning.ts";
import { encodeUsage } from "./usage.ts";

type ChoiceState = { calls: Map<string, { index: number; kind: "function" | "custom" }>; reasoning: number };

export function createStreamEncoder(context: AnswerContext): StreamEncoder {
  let id = newId("chatcmpl-");
  let created = Math.floor(context.now / 1000);
  let usage: Usage | undefined;
  let shared: JsonObject = {};
  const choices = new Map<number, ChoiceState>();

  function chunk(members: JsonObject): string {
    // With include_usage every chunk but the last says `usage: null`, as OpenAI does.
    const noUsage = context.includeUsage ? { usage: null } : {};
    return sseEvent(
      "",
      JSON.stringify({
        id,
        object: "chat.completion.chunk",
        created,
        model: context.model,
        ...shared,
        ...members,
        ...("usage" in members ? {} : noUsage),
      }),
    );
  }

  function choiceChunk(choice: number, delta: JsonObject, more: JsonObject = {}): string {
    return chunk({ choices: [{ index: choice, delta, logprobs: null, finish_reason: null, ...more }] });
  }

  /** The state of a choice, and the chunk that opens it when it is new. */
  function open(choice: number): { state: ChoiceState; opening: string } {
    let state = choices.get(choice);
    if (state) return { state, opening: "" };
    state = { calls: new Map(), reasoning: 0 };
    choices.set(choice, state);
    return { state, opening: choiceChunk(choice, { role: "assistant", content: "", refusal: null }) };
  }

  function encode(event: StreamEvent): string {
    switch (event.type) {
      case "start":
        if (event.id.startsWith("chatcmpl")) id = event.id;
        created = event.created || created;
        usage = event.usage;
        shared = compact({ service_tier: event.serviceTier, system_fingerprint: event.systemFingerprint });
        return "";
      case "text-delta": {
        const { opening } = open(event.choice);
        const logprobs = event.logprobs
          ? { logprobs: { content: event.logprobs as unknown as JsonObject[], refusal: null } }
          : {};
        return opening + choiceChunk(event.choice, { content: event.text }, logprobs);
      }
      case "reasoning-delta":
        return open(event.choice).opening + choiceChunk(event.choice, { reasoning_content: event.text });
      case "reasoning-end": {
        if (!event.native) return "";
        const { state, opening } = open(event.choice);
        const part: ReasoningPart = {
          type: "reasoning",
          text: "",
          native: event.native,
          ...(event.redacted ? { redacted: true } : {}),
        };
        return (
          opening + choiceChunk(event.choice, { reasoning_details: [encodeReasoningDetail(part, state.reasoning++)] })
        );
      }
      case "refusal-delta":
        return open(event.choice).opening + choiceChunk(event.choice, { refusal: event.text });
      case "tool-input-start": {
        const { state, opening } = open(event.choice);
        const index = state.calls.size;
        state.calls.set(event.id, { index, kind: event.kind });
        const body =
          event.kind === "custom"
            ? { custom: { name: event.name, input: "" } }
            : { function: { name: event.name, arguments: "" } };
        return (
          opening +
          choiceChunk(event.choice, {
            tool_calls: [
              compact({ index, id: event.id, type: event.kind, ...body, extra_content: encodeSignature(event) }),
            ],
          })
        );
      }
      case "tool-input-delta": {
        const call = choices.get(event.choice)?.calls.get(event.id);
        if (!call) return "";
        const body =
          call.kind === "custom" ? { custom: { input: event.delta } } : { function: { arguments: event.delta } };
        return choiceChunk(event.choice, { tool_calls: [{ index: call.index, ...body }] });
      }
      case "file":
        return (
          open(event.choice).opening + choiceChunk(event.choice, { images: [encodeImage(event.mediaType, event.data)] })
        );
      case "finish":
        return open(event.choice).opening + choiceChunk(event.choice, {}, encodeFinish(event.finish));
      case "usage":
        usage = event.usage;
        return "";
      case "heartbeat":
        return ": keep-alive\n\n";
      case "error":
        return sseEvent("", JSON.stringify({ error: errorObject(event.error) }));
      case "end": {
        const last = context.includeUsage && usage ? chunk({ choices: [], usage: encodeUsage(usage) }) : "";
        return `${last}data: [DONE]\n\n`;
      }
      default:
        return "";
    }
  }

  return { contentType: "text/event-stream; charset=utf-8", encode };
}
