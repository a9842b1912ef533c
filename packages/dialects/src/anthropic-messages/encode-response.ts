import {
  compact,
  newId,
  noUsage,
  type AssistantPart,
  type Completion,
  type Finish,
  type JsonObject,
} from "@trunkline/contracts";
import type { AnswerContext } from "../dialect.ts";
import { wrapNative } from "../shared/native.ts";
import { inputObject } from "./blocks.ts";
import { family } from "./schema.ts";
import { encodeUsage } from "./usage.ts";

export function encodeResponse(completion: Completion, context: AnswerContext): JsonObject {
  const choice = completion.choices[0];
  return {
    id: completion.id.startsWith("msg_") ? completion.id : newId("msg_"),
    type: "message",
    role: "assistant",
    model: context.model,
    content: choice?.content.flatMap(encodePart) ?? [],
    ...encodeFinish(choice?.finish),
    usage: encodeUsage(completion.usage ?? { ...noUsage, inputTokens: context.estimatedInputTokens, estimated: true }),
  };
}

const words = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  "context-length": "model_context_window_exceeded",
  "tool-calls": "tool_use",
  "content-filter": "refusal",
  refusal: "refusal",
  pause: "pause_turn",
  other: "end_turn",
} as const;

export function encodeFinish(finish: Finish | undefined): JsonObject {
  return { stop_reason: words[finish?.reason ?? "other"], stop_sequence: finish?.stopSequence ?? null };
}

/** A thinking block; a signature of another family travels wrapped in its own slot. */
export function encodeSignature(native: { family: string; value: JsonObject[string] } | undefined): string {
  return native ? wrapNative({ family: native.family, value: native.value ?? null }, family) : "";
}

function encodePart(part: AssistantPart): JsonObject[] {
  switch (part.type) {
    case "text": {
      const text: JsonObject = compact({
        type: "text",
        text: part.text,
        citations: part.citations?.family === family ? part.citations.value : undefined,
      });
      // A signature on text (Gemini's) has no slot here and goes behind it in a thinking block of its own.
      return part.native ? [text, { type: "thinking", thinking: "", signature: encodeSignature(part.native) }] : [text];
    }
    case "refusal":
      return [{ type: "text", text: part.text }];
    case "reasoning":
      if (part.redacted) return [{ type: "redacted_thinking", data: encodeSignature(part.native) }];
      return [{ type: "thinking", thinking: part.text, signature: encodeSignature(part.native) }];
    case "tool-call": {
      const call: JsonObject = { type: "tool_use", id: part.id, name: part.name, input: inputObject(part.input) };
      return part.native ? [{ type: "thinking", thinking: "", signature: encodeSignature(part.native) }, call] : [call];
    }
    case "file":
      return part.source.kind === "base64"
        ? [{ type: "image", source: { type: "base64", media_type: part.mediaType, data: part.source.data } }]
        : [];
    case "native":
      return part.native.family === family ? [part.native.value as JsonObject] : [];
  }
}
