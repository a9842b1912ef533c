import {
  asArray,
  asObject,
  asString,
  compact,
  type AssistantPart,
  type FilePart,
  type JsonObject,
  type JsonValue,
  type Message,
  type ReasoningPart,
  type TextPart,
  type ToolCallPart,
  type ToolResultPart,
} from "@trunkline/contracts";
import { sourceFromData, sourceFromUrl, typeFromName } from "../shared/media.ts";
import { unwrapNative } from "../shared/native.ts";
import { objectAt, reject, required } from "../shared/reject.ts";
import { family } from "./schema.ts";

/** An input content part. */
export function decodeInputPart(part: JsonObject, path: string): TextPart | FilePart {
  switch (part["type"]) {
    case "input_text":
    case "output_text":
    case "text":
      return { type: "text", text: required(part, "text", "string", `${path}.text`) };
    case "input_image": {
      const id = asString(part["file_id"]);
      if (id !== undefined) return { type: "file", mediaType: "image/*", source: { kind: "file", id, family } };
      const { mediaType, source } = sourceFromUrl(
        required(part, "image_url", "string", `${path}.image_url`),
        "image/*",
      );
      return compact({ type: "file", mediaType, source, detail: asString(part["detail"]) }) as FilePart;
    }
    case "input_file": {
      const filename = asString(part["filename"]);
      const fallback = typeFromName(filename ?? "") ?? "application/pdf";
      const id = asString(part["file_id"]);
      if (id !== undefined)
        return compact({
          type: "file",
          mediaType: fallback,
          source: { kind: "file", id, family },
          filename,
        }) as FilePart;
      const url = asString(part["file_url"]);
      if (url !== undefined) return compact({ type: "file", ...sourceFromUrl(url, fallback), filename }) as FilePart;
      const data = required(part, "file_data", "string", `${path}.file_data`);
      return compact({ type: "file", ...sourceFromData(data, fallback), filename }) as FilePart;
    }
    case "input_audio": {
      const audio = asObject(part["input_audio"]) ?? part;
      return {
        type: "file",
        mediaType: `audio/${asString(audio["format"]) ?? "wav"}`,
        source: { kind: "base64", data: required(audio, "data", "string", `${path}.data`) },
      };
    }
    default:
      return reject(
        `${path}.type`,
        `Invalid value: '${String(part["type"])}'. Supported values are: 'input_text', 'input_image', 'input_file' and 'output_text'.`,
      );
  }
}

function decodeParts(content: JsonValue | undefined, path: string): (TextPart | FilePart)[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content))
    reject(path, `Invalid type for '${path}': expected a string or an array of content parts.`);
  return content.map((item, index) => decodeInputPart(objectAt(item, `${path}[${index}]`), `${path}[${index}]`));
}

/** Content parts of an assistant message, in the input's history or in an answer. */
export function decodeOutputParts(content: JsonValue | undefined, path: string): AssistantPart[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return asArray(content).map((value, index): AssistantPart => {
    const part = objectAt(value, `${path}[${index}]`);
    if (part["type"] === "refusal") return { type: "refusal", text: asString(part["refusal"]) ?? "" };
    const annotations = asArray(part["annotations"]);
    const decoded = decodeInputPart(part, `${path}[${index}]`);
    return annotations.length > 0 && decoded.type === "text"
      ? { ...decoded, citations: { family, value: annotations } }
      : decoded;
  });
}

export function decodeReasoningItem(item: JsonObject): ReasoningPart {
  const texts = [...asArray(item["summary"]), ...asArray(item["content"])].map(
    (part) => asString(asObject(part)?.["text"]) ?? "",
  );
  const encrypted = asString(item["encrypted_content"]);
  const text = texts.filter(Boolean).join("\n\n");
  if (encrypted === undefined) return { type: "reasoning", text };
  const native = unwrapNative(encrypted, family);
  // OpenAI pairs the encrypted text with the item's id; both go back.
  return {
    type: "reasoning",
    text,
    native:
      native.family === family
        ? { family, value: { id: item["id"] ?? null, encrypted_content: native.value } }
        : native,
  };
}

export function decodeCallItem(item: JsonObject, path: string): ToolCallPart {
  const isCustom = item["type"] === "custom_tool_call";
  return compact({
    type: "tool-call",
    id: required(item, "call_id", "string", `${path}.call_id`),
    name: required(item, "name", "string", `${path}.name`),
    input: asString(item[isCustom ? "input" : "arguments"]) ?? "",
    kind: isCustom ? "custom" : "function",
    namespace: asString(item["namespace"]),
  }) as ToolCallPart;
}

function decodeResultItem(item: JsonObject, path: string): ToolResultPart {
  const output = item["output"];
  return {
    type: "tool-result",
    callId: required(item, "call_id", "string", `${path}.call_id`),
    kind: item["type"] === "custom_tool_call_output" ? "custom" : "function",
    content:
      typeof output === "string" || Array.isArray(output)
        ? decodeParts(output, `${path}.output`)
        : [{ type: "text", text: JSON.stringify(output ?? "") }],
  };
}

/** The input list as messages: neighbouring items of one turn (thoughts, text, calls) become one assistant message. */
export function decodeItems(items: readonly JsonValue[]): Message[] {
  const messages: Message[] = [];
  let turn: AssistantPart[] | undefined;
  let results: ToolResultPart[] | undefined;
  const assistant = (...parts: AssistantPart[]) => {
    results = undefined;
    if (!turn) messages.push({ role: "assistant", content: (turn = []) });
    turn.push(...parts);
  };
  for (const [index, value] of items.entries()) {
    const path = `input[${index}]`;
    const item = objectAt(value, path);
    const type = asString(item["type"]) ?? "message";
    if (type === "message") {
      const role = required(item, "role", "string", `${path}.role`);
      if (role === "assistant") {
        assistant(...decodeOutputParts(item["content"], `${path}.content`));
        continue;
      }
      turn = results = undefined;
      if (role !== "user" && role !== "system" && role !== "developer") {
        reject(
          `${path}.role`,
          `Invalid value: '${role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'.`,
        );
      }
      messages.push({ role, content: decodeParts(item["content"], `${path}.content`) });
    } else if (type === "reasoning") assistant(decodeReasoningItem(item));
    else if (type === "function_call" || type === "custom_tool_call") assistant(decodeCallItem(item, path));
    else if (type === "function_call_output" || type === "custom_tool_call_output") {
      turn = undefined;
      if (!results) messages.push({ role: "tool", content: (results = []) });
      results.push(decodeResultItem(item, path));
    } else if (type === "item_reference") {
      reject(path, "`item_reference` needs a stored response: send the item itself, or `previous_response_id`.");
    } else assistant({ type: "native", native: { family, value: item } });
  }
  return messages;
}
