import {
  asArray,
  asString,
  compact,
  parseJson,
  type AssistantPart,
  type CacheControl,
  type FilePart,
  type JsonObject,
  type TextPart,
  type ToolResultPart,
  type UserPart,
} from "@trunkline/contracts";
import { sourceFromUrl } from "../shared/media.ts";
import { unwrapNative } from "../shared/native.ts";
import { objectAt, optional, reject, required } from "../shared/reject.ts";
import { family } from "./schema.ts";

function cacheOf(block: JsonObject): CacheControl | undefined {
  return (block["cache_control"] ?? undefined) as CacheControl | undefined;
}

export function decodeTextBlock(block: JsonObject, path: string): TextPart {
  if (block["type"] !== "text") reject(`${path}.type`, `${path}.type: Input should be 'text'`);
  const citations = asArray(block["citations"]);
  return compact({
    type: "text",
    text: required(block, "text", "string", `${path}.text`),
    cacheControl: cacheOf(block),
    citations: citations.length > 0 ? { family, value: citations } : undefined,
  }) as TextPart;
}

function decodeFile(block: JsonObject, path: string): FilePart | undefined {
  const source = objectAt(block["source"], `${path}.source`);
  const isPicture = block["type"] === "image";
  const shared = { type: "file", filename: asString(block["title"]), cacheControl: cacheOf(block) } as const;
  switch (source["type"]) {
    case "base64":
      return compact({
        ...shared,
        mediaType: required(source, "media_type", "string", `${path}.source.media_type`),
        source: { kind: "base64", data: required(source, "data", "string", `${path}.source.data`) },
      }) as FilePart;
    case "url":
      return compact({
        ...shared,
        ...sourceFromUrl(
          required(source, "url", "string", `${path}.source.url`),
          isPicture ? "image/*" : "application/pdf",
        ),
      }) as FilePart;
    case "text":
      return compact({
        ...shared,
        mediaType: "text/plain",
        source: { kind: "text", text: required(source, "data", "string", `${path}.source.data`) },
      }) as FilePart;
    case "file":
      return compact({
        ...shared,
        mediaType: isPicture ? "image/*" : "application/pdf",
        source: { kind: "file", id: required(source, "file_id", "string", `${path}.source.file_id`), family },
      }) as FilePart;
    default:
      return undefined;
  }
}

export function decodeUserBlock(block: JsonObject, path: string): UserPart {
  const type = required(block, "type", "string", `${path}.type`);
  if (type === "text") return decodeTextBlock(block, path);
  const file = type === "image" || type === "document" ? decodeFile(block, path) : undefined;
  return file ?? { type: "native", native: { family, value: block } };
}

export function decodeToolResult(block: JsonObject, path: string): ToolResultPart {
  const content = block["content"];
  const parts =
    typeof content === "string"
      ? [{ type: "text" as const, text: content }]
      : asArray(content).flatMap((item, index) => {
          const part = decodeUserBlock(objectAt(item, `${path}.content.${index}`), `${path}.content.${index}`);
          return part.type === "native" ? [{ type: "text" as const, text: JSON.stringify(part.native.value) }] : [part];
        });
  return compact({
    type: "tool-result",
    callId: required(block, "tool_use_id", "string", `${path}.tool_use_id`),
    isError: optional(block, "is_error", "boolean", `${path}.is_error`),
    content: parts,
    cacheControl: cacheOf(block),
  }) as ToolResultPart;
}

/** A block of an assistant turn, in a request's history or in an answer. */
export function decodeAssistantBlock(block: JsonObject, path: string): AssistantPart {
  switch (block["type"]) {
    case "text":
      return decodeTextBlock(block, path);
    case "thinking": {
      const signature = asString(block["signature"]);
      return compact({
        type: "reasoning",
        text: asString(block["thinking"]) ?? "",
        native: signature ? unwrapNative(signature, family) : undefined,
      }) as AssistantPart;
    }
    case "redacted_thinking":
      return {
        type: "reasoning",
        text: "",
        redacted: true,
        native: unwrapNative(asString(block["data"]) ?? "", family),
      };
    case "tool_use":
      return compact({
        type: "tool-call",
        id: required(block, "id", "string", `${path}.id`),
        name: required(block, "name", "string", `${path}.name`),
        input: JSON.stringify(block["input"] ?? {}),
        kind: "function",
        cacheControl: cacheOf(block),
      }) as AssistantPart;
    case "image":
      return decodeFile(block, path) ?? { type: "native", native: { family, value: block } };
    default:
      if (typeof block["type"] !== "string") reject(`${path}.type`, `${path}.type: Field required`);
      return { type: "native", native: { family, value: block } };
  }
}

/** A tool call's JSON text as the object Anthropic wants; text that is no object stays readable under `input`. */
export function inputObject(text: string): JsonObject {
  if (text === "") return {};
  const value = parseJson(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : { input: value ?? text };
}
