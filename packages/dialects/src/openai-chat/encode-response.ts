import {
  compact,
  newId,
  type Choice,
  type Completion,
  type Finish,
  type JsonObject,
  type ToolCallPart,
} from "@trunkline/contracts";
import type { AnswerContext } from "../dialect.ts";
import { wrapNative } from "../shared/native.ts";
import { encodeReasoningDetail } from "./reasoning.ts";
import { signatureSlot } from "./schema.ts";
import { encodeUsage } from "./usage.ts";

export function encodeResponse(completion: Completion, context: AnswerContext): JsonObject {
  return compact({
    id: completion.id.startsWith("chatcmpl") ? completion.id : newId("chatcmpl-"),
    object: "chat.completion",
    created: completion.created || Math.floor(context.now / 1000),
    model: context.model,
    choices: completion.choices.map(encodeChoice),
    usage: completion.usage ? encodeUsage(completion.usage) : undefined,
    service_tier: completion.serviceTier,
    system_fingerprint: completion.systemFingerprint,
  });
}

function encodeChoice(choice: Choice): JsonObject {
  const texts = choice.content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  const refusal = choice.content.find((part) => part.type === "refusal");
  const reasoning = choice.content.filter((part) => part.type === "reasoning");
  const calls = choice.content.filter((part) => part.type === "tool-call");
  const images = choice.content.filter((part) => part.type === "file");
  const thoughts = reasoning.map((part) => part.text).join("");
  const signed = reasoning.some((part) => part.native);
  return {
    index: choice.index,
    message: compact({
      role: "assistant",
      content: texts.length > 0 ? texts.join("") : null,
      refusal: refusal?.text ?? null,
      reasoning_content: thoughts === "" ? undefined : thoughts,
      reasoning_details: signed ? reasoning.map(encodeReasoningDetail) : undefined,
      images:
        images.length === 0
          ? undefined
          : images.map((part) => encodeImage(part.mediaType, part.source.kind === "base64" ? part.source.data : "")),
      tool_calls: calls.length > 0 ? calls.map(encodeToolCall) : undefined,
    }),
    logprobs: choice.logprobs ? { content: choice.logprobs as unknown as JsonObject[], refusal: null } : null,
    ...encodeFinish(choice.finish),
  };
}

/** Images of an answer, in the form OpenRouter gave Chat, which has none. */
export function encodeImage(mediaType: string, data: string): JsonObject {
  return { type: "image_url", image_url: { url: `data:${mediaType};base64,${data}` } };
}

export function encodeToolCall(call: ToolCallPart): JsonObject {
  if (call.kind === "custom") return { id: call.id, type: "custom", custom: { name: call.name, input: call.input } };
  return compact({
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.input || "{}" },
    [signatureSlot]: encodeSignature(call),
  });
}

/** Gemini wants a call's signature back; Chat clients hand back what stands in this slot. */
export function encodeSignature(call: Pick<ToolCallPart, "native">): JsonObject | undefined {
  return call.native ? { google: { thought_signature: wrapNative(call.native, "gemini") } } : undefined;
}

const words = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  "context-length": "length",
  pause: "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
  refusal: "stop",
  other: "stop",
} as const;

/** `native_finish_reason` keeps what Chat has no word for, such as `pause_turn`. */
export function encodeFinish(finish: Finish): JsonObject {
  // A refusal carries its text in `message.refusal`, unless the provider only said that it refused.
  const word = finish.reason === "refusal" && finish.native !== "stop" ? "content_filter" : words[finish.reason];
  return compact({ finish_reason: word, native_finish_reason: finish.native === word ? undefined : finish.native });
}
