import {
  asNumber,
  asObject,
  asString,
  compact,
  isObject,
  type AssistantPart,
  type CacheControl,
  type Conversation,
  type FilePart,
  type JsonObject,
  type JsonValue,
  type Message,
  type ResponseFormat,
  type Settings,
  type TextPart,
  type Tool,
  type ToolCallPart,
  type ToolChoice,
} from "@trunkline/contracts";
import { sourceFromData, sourceFromUrl, typeFromName } from "../shared/media.ts";
import { unwrapNative } from "../shared/native.ts";
import { objectAt, objectsAt, optional, reject, required, stringsAt, unknownMembers } from "../shared/reject.ts";
import { decodeReasoning } from "./reasoning.ts";
import { knownMembers, signatureSlot } from "./schema.ts";

export function decodeRequest(body: JsonObject, model?: string): Conversation {
  if (body["functions"] !== undefined || body["function_call"] !== undefined) {
    reject("functions", "`functions` and `function_call` were replaced by `tools` and `tool_choice`; use those.");
  }
  const messages = required(body, "messages", "array");
  if (messages.length === 0) reject("messages", "Invalid 'messages': expected at least one message.");
  return compact({
    model: model ?? required(body, "model", "string"),
    messages: messages.map((message, index) =>
      decodeMessage(objectAt(message, `messages[${index}]`), `messages[${index}]`),
    ),
    tools: objectsAt(body, "tools").map(decodeTool),
    toolChoice: decodeToolChoice(body["tool_choice"]),
    settings: decodeSettings(body),
    stream: optional(body, "stream", "boolean") ?? false,
    unknown: unknownMembers(body, knownMembers),
  }) as Conversation;
}

function decodeMessage(message: JsonObject, path: string): Message {
  const role = required(message, "role", "string", `${path}.role`);
  const content = message["content"];
  switch (role) {
    case "system":
    case "developer":
      return { role, content: decodeParts(content, `${path}.content`) as (TextPart | FilePart)[] };
    case "user":
      return compact({
        role,
        content: decodeParts(content, `${path}.content`),
        name: asString(message["name"]),
      }) as Message;
    case "assistant":
      return compact({ role, content: decodeAssistant(message, path), name: asString(message["name"]) }) as Message;
    case "tool":
      return {
        role,
        content: [
          {
            type: "tool-result",
            callId: required(message, "tool_call_id", "string", `${path}.tool_call_id`),
            content: decodeParts(content, `${path}.content`) as (TextPart | FilePart)[],
          },
        ],
      };
    default:
      return reject(
        `${path}.role`,
        `Invalid value: '${role}'. Supported values are: 'system', 'developer', 'user', 'assistant' and 'tool'.`,
      );
  }
}

function decodeParts(content: JsonValue | undefined, path: string): (TextPart | FilePart)[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content))
    reject(path, `Invalid type for '${path}': expected a string or an array of content parts.`);
  return content.map((item, index) => decodePart(objectAt(item, `${path}[${index}]`), `${path}[${index}]`));
}

function decodePart(part: JsonObject, path: string): TextPart | FilePart {
  const cacheControl = part["cache_control"] as CacheControl | undefined;
  switch (part["type"]) {
    case "text":
      return compact({
        type: "text",
        text: required(part, "text", "string", `${path}.text`),
        cacheControl,
      }) as TextPart;
    case "image_url": {
      const image = objectAt(part["image_url"], `${path}.image_url`);
      const { mediaType, source } = sourceFromUrl(required(image, "url", "string", `${path}.image_url.url`), "image/*");
      return compact({ type: "file", mediaType, source, detail: asString(image["detail"]), cacheControl }) as FilePart;
    }
    case "input_audio": {
      const audio = objectAt(part["input_audio"], `${path}.input_audio`);
      const data = required(audio, "data", "string", `${path}.input_audio.data`);
      return {
        type: "file",
        mediaType: `audio/${asString(audio["format"]) ?? "wav"}`,
        source: { kind: "base64", data },
      };
    }
    case "file": {
      const file = objectAt(part["file"], `${path}.file`);
      const filename = asString(file["filename"]);
      const id = asString(file["file_id"]);
      const fallback = typeFromName(filename ?? "") ?? "application/pdf";
      if (id !== undefined)
        return { type: "file", mediaType: fallback, source: { kind: "file", id, family: "openai" } };
      const data = required(file, "file_data", "string", `${path}.file.file_data`);
      return compact({ type: "file", ...sourceFromData(data, fallback), filename, cacheControl }) as FilePart;
    }
    default:
      return reject(
        `${path}.type`,
        `Invalid value: '${String(part["type"])}'. Supported values are: 'text', 'image_url', 'input_audio' and 'file'.`,
      );
  }
}

function decodeAssistant(message: JsonObject, path: string): AssistantPart[] {
  const parts: AssistantPart[] = [...decodeReasoning(message)];
  const content = message["content"];
  if (typeof content === "string") {
    if (content !== "") parts.push({ type: "text", text: content });
  } else if (Array.isArray(content)) {
    for (const [index, item] of content.entries()) {
      const part = objectAt(item, `${path}.content[${index}]`);
      if (part["type"] === "refusal") parts.push({ type: "refusal", text: asString(part["refusal"]) ?? "" });
      else parts.push(decodePart(part, `${path}.content[${index}]`));
    }
  } else if (content !== undefined && content !== null) {
    reject(
      `${path}.content`,
      `Invalid type for '${path}.content': expected a string, an array of content parts or null.`,
    );
  }
  const refusal = asString(message["refusal"]);
  if (refusal) parts.push({ type: "refusal", text: refusal });
  parts.push(
    ...objectsAt(message, "tool_calls", `${path}.tool_calls`).map((call, index) =>
      decodeToolCall(call, `${path}.tool_calls[${index}]`),
    ),
  );
  return parts;
}

/** A tool call of a request or an answer. */
export function decodeToolCall(call: JsonObject, path: string): ToolCallPart {
  const id = required(call, "id", "string", `${path}.id`);
  const custom = asObject(call["custom"]);
  if (custom) {
    return {
      type: "tool-call",
      id,
      kind: "custom",
      name: required(custom, "name", "string", `${path}.custom.name`),
      input: asString(custom["input"]) ?? "",
    };
  }
  const details = objectAt(call["function"], `${path}.function`);
  const signature = asString(asObject(asObject(call[signatureSlot])?.["google"])?.["thought_signature"]);
  return compact({
    type: "tool-call",
    id,
    kind: "function",
    name: required(details, "name", "string", `${path}.function.name`),
    input: optional(details, "arguments", "string", `${path}.function.arguments`) ?? "",
    native: signature === undefined ? undefined : unwrapNative(signature, "gemini"),
  }) as ToolCallPart;
}

function decodeTool(tool: JsonObject, index: number): Tool {
  const path = `tools[${index}]`;
  if (tool["type"] === "custom") {
    const custom = objectAt(tool["custom"], `${path}.custom`);
    return compact({
      kind: "custom",
      name: required(custom, "name", "string", `${path}.custom.name`),
      description: asString(custom["description"]),
      format: asObject(custom["format"]),
    }) as Tool;
  }
  if (tool["type"] !== "function")
    return { kind: "native", label: String(tool["type"]), native: { family: "openai-chat", value: tool } };
  const details = objectAt(tool["function"], `${path}.function`);
  return compact({
    kind: "function",
    name: required(details, "name", "string", `${path}.function.name`),
    description: optional(details, "description", "string", `${path}.function.description`),
    parameters: optional(details, "parameters", "object", `${path}.function.parameters`),
    strict: optional(details, "strict", "boolean", `${path}.function.strict`),
    cacheControl: tool["cache_control"] as CacheControl | undefined,
  }) as Tool;
}

function decodeToolChoice(choice: JsonValue | undefined): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return { mode: choice };
  if (isObject(choice)) {
    const kind = choice["type"] === "custom" ? "custom" : "function";
    const name = asString(asObject(choice[kind])?.["name"]);
    if (name !== undefined) return { mode: "tool", name, kind };
    const allowed = asObject(choice["allowed_tools"]);
    if (allowed) {
      const names = objectsAt(allowed, "tools", "tool_choice.allowed_tools.tools").map(
        (tool) => asString(asObject(tool["function"])?.["name"]) ?? "",
      );
      return { mode: "allowed", names, required: allowed["mode"] === "required" };
    }
  }
  return reject(
    "tool_choice",
    "Invalid 'tool_choice': expected 'none', 'auto', 'required' or an object that names a tool.",
  );
}

function decodeFormat(value: JsonValue | undefined): ResponseFormat | undefined {
  if (!isObject(value)) return undefined;
  if (value["type"] === "json_object") return { type: "json" };
  if (value["type"] !== "json_schema") return { type: "text" };
  const schema = objectAt(value["json_schema"], "response_format.json_schema");
  return compact({
    type: "json-schema",
    name: asString(schema["name"]),
    description: asString(schema["description"]),
    schema: required(schema, "schema", "object", "response_format.json_schema.schema"),
    strict: optional(schema, "strict", "boolean", "response_format.json_schema.strict"),
  }) as ResponseFormat;
}

function decodeSettings(body: JsonObject): Settings {
  const reasoning = asObject(body["reasoning"]);
  const effort = optional(body, "reasoning_effort", "string") ?? asString(reasoning?.["effort"]);
  const budgetTokens = asNumber(reasoning?.["max_tokens"]);
  return compact({
    maxOutputTokens: optional(body, "max_completion_tokens", "number") ?? optional(body, "max_tokens", "number"),
    temperature: optional(body, "temperature", "number"),
    topP: optional(body, "top_p", "number"),
    topK: optional(body, "top_k", "number"),
    frequencyPenalty: optional(body, "frequency_penalty", "number"),
    presencePenalty: optional(body, "presence_penalty", "number"),
    seed: optional(body, "seed", "number"),
    stop: stringsAt(body, "stop"),
    choices: optional(body, "n", "number"),
    logprobs: optional(body, "logprobs", "boolean"),
    topLogprobs: optional(body, "top_logprobs", "number"),
    logitBias: optional(body, "logit_bias", "object"),
    reasoning: effort === undefined && budgetTokens === undefined ? undefined : compact({ effort, budgetTokens }),
    responseFormat: decodeFormat(optional(body, "response_format", "object")),
    parallelToolCalls: optional(body, "parallel_tool_calls", "boolean"),
    serviceTier: optional(body, "service_tier", "string"),
    verbosity: optional(body, "verbosity", "string"),
    user: optional(body, "safety_identifier", "string") ?? optional(body, "user", "string"),
    metadata: optional(body, "metadata", "object"),
    promptCacheKey: optional(body, "prompt_cache_key", "string"),
  }) as Settings;
}
