import {
  asNumber,
  asObject,
  asString,
  compact,
  isObject,
  type CacheControl,
  type Conversation,
  type JsonObject,
  type JsonValue,
  type Message,
  type ResponseFormat,
  type Settings,
  type TextPart,
  type Tool,
  type ToolChoice,
  type ToolResultPart,
  type UserPart,
} from "@trunkline/contracts";
import { objectAt, objectsAt, optional, reject, required, stringsAt, unknownMembers } from "../shared/reject.ts";
import { decodeAssistantBlock, decodeTextBlock, decodeToolResult, decodeUserBlock } from "./blocks.ts";
import { family, knownMembers } from "./schema.ts";

export function decodeRequest(body: JsonObject, model?: string): Conversation {
  const messages = required(body, "messages", "array");
  if (messages.length === 0) reject("messages", "messages: at least one message is required");
  const system = decodeSystem(body["system"], "system");
  return compact({
    model: model ?? required(body, "model", "string"),
    messages: [
      ...(system.length > 0 ? [{ role: "system", content: system } as const] : []),
      ...messages.flatMap((message, index) =>
        decodeMessage(objectAt(message, `messages.${index}`), `messages.${index}`),
      ),
    ],
    tools: objectsAt(body, "tools").map(decodeTool),
    toolChoice: decodeToolChoice(body["tool_choice"]),
    settings: decodeSettings(body),
    stream: optional(body, "stream", "boolean") ?? false,
    unknown: unknownMembers(body, knownMembers),
  }) as Conversation;
}

function decodeSystem(value: JsonValue | undefined, path: string): TextPart[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: value }];
  if (!Array.isArray(value)) reject(path, `${path}: Input should be a valid string or array of text blocks`);
  return value.map((block, index) => decodeTextBlock(objectAt(block, `${path}.${index}`), `${path}.${index}`));
}

function decodeMessage(message: JsonObject, path: string): Message[] {
  const role = required(message, "role", "string", `${path}.role`);
  const content = message["content"];
  if (role === "system") return [{ role, content: decodeSystem(content, `${path}.content`) }];
  if (role !== "user" && role !== "assistant")
    return reject(`${path}.role`, `${path}.role: Input should be 'user', 'assistant' or 'system'`);
  if (typeof content === "string") return [{ role, content: [{ type: "text", text: content }] }];
  if (!Array.isArray(content))
    reject(`${path}.content`, `${path}.content: Input should be a valid string or array of content blocks`);
  const blocks = content.map((block, index) => objectAt(block, `${path}.content.${index}`));
  if (role === "assistant")
    return [{ role, content: blocks.map((block, index) => decodeAssistantBlock(block, `${path}.content.${index}`)) }];

  const results: ToolResultPart[] = [];
  const parts: UserPart[] = [];
  for (const [index, block] of blocks.entries()) {
    if (block["type"] === "tool_result") results.push(decodeToolResult(block, `${path}.content.${index}`));
    else parts.push(decodeUserBlock(block, `${path}.content.${index}`));
  }
  return [
    ...(results.length > 0 ? [{ role: "tool", content: results } as const] : []),
    ...(parts.length > 0 || results.length === 0 ? [{ role: "user", content: parts } as const] : []),
  ];
}

function decodeTool(tool: JsonObject, index: number): Tool {
  const path = `tools.${index}`;
  const type = asString(tool["type"]);
  if (type !== undefined && type !== "custom") {
    // `web_search_20250305` and the like: run by Anthropic, or defined by it.
    return { kind: "native", label: asString(tool["name"]) ?? type, native: { family, value: tool } };
  }
  return compact({
    kind: "function",
    name: required(tool, "name", "string", `${path}.name`),
    description: optional(tool, "description", "string", `${path}.description`),
    parameters: required(tool, "input_schema", "object", `${path}.input_schema`),
    strict: optional(tool, "strict", "boolean", `${path}.strict`),
    cacheControl: tool["cache_control"] as CacheControl | undefined,
  }) as Tool;
}

function decodeToolChoice(choice: JsonValue | undefined): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  const type = isObject(choice) ? choice["type"] : undefined;
  if (type === "auto" || type === "none") return { mode: type };
  if (type === "any") return { mode: "required" };
  if (type === "tool")
    return { mode: "tool", name: required(objectAt(choice, "tool_choice"), "name", "string", "tool_choice.name") };
  return reject("tool_choice", "tool_choice: Input should be an object whose type is 'auto', 'any', 'tool' or 'none'");
}

function decodeFormat(body: JsonObject): ResponseFormat | undefined {
  const format = asObject(asObject(body["output_config"])?.["format"]) ?? asObject(body["output_format"]);
  if (format?.["type"] !== "json_schema") return undefined;
  return {
    type: "json-schema",
    schema: required(format, "schema", "object", "output_config.format.schema"),
    strict: true,
  };
}

function decodeSettings(body: JsonObject): Settings {
  const thinking = optional(body, "thinking", "object");
  const effort = asString(asObject(body["output_config"])?.["effort"]);
  const disabled = thinking?.["type"] === "disabled";
  const adaptive = thinking?.["type"] === "adaptive";
  const budgetTokens = disabled ? 0 : asNumber(thinking?.["budget_tokens"]);
  const wantsReasoning = disabled || adaptive || budgetTokens !== undefined || effort !== undefined;
  const choice = asObject(body["tool_choice"]);
  const userId = asObject(body["metadata"])?.["user_id"];
  return compact({
    maxOutputTokens: optional(body, "max_tokens", "number"),
    temperature: optional(body, "temperature", "number"),
    topP: optional(body, "top_p", "number"),
    topK: optional(body, "top_k", "number"),
    stop: stringsAt(body, "stop_sequences"),
    reasoning: wantsReasoning
      ? compact({ effort: disabled ? "none" : effort, budgetTokens, adaptive: adaptive || undefined })
      : undefined,
    responseFormat: decodeFormat(body),
    parallelToolCalls: choice?.["disable_parallel_tool_use"] === true ? false : undefined,
    // "auto" and "standard_only" are Anthropic's own tiers and mean the default elsewhere.
    serviceTier: undefined,
    user: asString(userId),
  }) as Settings;
}
