import {
  asArray,
  asObject,
  asString,
  compact,
  GatewayError,
  isObject,
  type Conversation,
  type JsonObject,
  type JsonValue,
  type Message,
  type ResponseFormat,
  type Settings,
  type Tool,
  type ToolChoice,
} from "@trunkline/contracts";
import { objectAt, objectsAt, optional, reject, required, unknownMembers } from "../shared/reject.ts";
import { decodeItems } from "./items.ts";
import { family, knownMembers } from "./schema.ts";

export function decodeRequest(body: JsonObject, model?: string): Conversation {
  if (body["background"] === true) {
    throw new GatewayError(
      "unsupported_parameter",
      "`background` is only answered by OpenAI's own models; send the request without it.",
      { parameter: "background" },
    );
  }
  const input = body["input"];
  if (input === undefined || input === null) reject("input", "Missing required parameter: 'input'.");
  if (typeof input !== "string" && !Array.isArray(input))
    reject("input", "Invalid type for 'input': expected a string or an array of items.");
  const instructions = optional(body, "instructions", "string");
  const messages: Message[] = [
    ...(instructions ? [{ role: "system", content: [{ type: "text", text: instructions }] } as const] : []),
    ...(typeof input === "string"
      ? [{ role: "user", content: [{ type: "text", text: input }] } as const]
      : decodeItems(input)),
  ];
  if (messages.length === 0)
    reject("input", "There is nothing to answer: 'input' holds no item and there are no instructions.");
  return compact({
    model: model ?? required(body, "model", "string"),
    messages,
    tools: objectsAt(body, "tools").flatMap((tool, index) => decodeTool(tool, `tools[${index}]`, undefined)),
    toolChoice: decodeToolChoice(body["tool_choice"]),
    settings: decodeSettings(body),
    stream: optional(body, "stream", "boolean") ?? false,
    unknown: unknownMembers(body, knownMembers),
  }) as Conversation;
}

function decodeTool(tool: JsonObject, path: string, namespace: string | undefined): Tool[] {
  switch (tool["type"]) {
    case "function":
      return [
        compact({
          kind: "function",
          name: required(tool, "name", "string", `${path}.name`),
          description: optional(tool, "description", "string", `${path}.description`),
          parameters: optional(tool, "parameters", "object", `${path}.parameters`),
          strict: optional(tool, "strict", "boolean", `${path}.strict`),
          namespace,
        }) as Tool,
      ];
    case "custom":
      return [
        compact({
          kind: "custom",
          name: required(tool, "name", "string", `${path}.name`),
          description: asString(tool["description"]),
          format: asObject(tool["format"]),
        }) as Tool,
      ];
    case "namespace": {
      const name = required(tool, "name", "string", `${path}.name`);
      return objectsAt(tool, "tools", `${path}.tools`).flatMap((inner, index) =>
        decodeTool(inner, `${path}.tools[${index}]`, name),
      );
    }
    default:
      return [
        {
          kind: "native",
          label: asString(tool["type"]) ?? reject(`${path}.type`, `Missing required parameter: '${path}.type'.`),
          native: { family, value: tool },
        },
      ];
  }
}

function decodeToolChoice(choice: JsonValue | undefined): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return { mode: choice };
  if (isObject(choice)) {
    const type = choice["type"];
    if (type === "function" || type === "custom")
      return { mode: "tool", name: required(choice, "name", "string", "tool_choice.name"), kind: type };
    if (type === "allowed_tools") {
      const names = objectsAt(choice, "tools", "tool_choice.tools").flatMap((tool) => asString(tool["name"]) ?? []);
      return { mode: "allowed", names, required: choice["mode"] === "required" };
    }
    if (typeof type === "string") return { mode: "auto" };
  }
  return reject(
    "tool_choice",
    "Invalid 'tool_choice': expected 'none', 'auto', 'required' or an object that names a tool.",
  );
}

function decodeFormat(value: JsonValue | undefined): ResponseFormat | undefined {
  const format = asObject(asObject(value)?.["format"]);
  if (!format) return undefined;
  if (format["type"] === "json_object") return { type: "json" };
  if (format["type"] !== "json_schema") return { type: "text" };
  return compact({
    type: "json-schema",
    name: asString(format["name"]),
    description: asString(format["description"]),
    schema: objectAt(format["schema"], "text.format.schema"),
    strict: optional(format, "strict", "boolean", "text.format.strict"),
  }) as ResponseFormat;
}

function decodeSettings(body: JsonObject): Settings {
  const reasoning = optional(body, "reasoning", "object");
  const text = optional(body, "text", "object");
  const wantsLogprobs = asArray(body["include"]).includes("message.output_text.logprobs");
  return compact({
    maxOutputTokens: optional(body, "max_output_tokens", "number"),
    temperature: optional(body, "temperature", "number"),
    topP: optional(body, "top_p", "number"),
    logprobs: wantsLogprobs || undefined,
    topLogprobs: optional(body, "top_logprobs", "number"),
    reasoning:
      reasoning && (typeof reasoning["effort"] === "string" || typeof reasoning["summary"] === "string")
        ? compact({ effort: asString(reasoning["effort"]), summary: asString(reasoning["summary"]) })
        : undefined,
    responseFormat: decodeFormat(text),
    verbosity: asString(text?.["verbosity"]),
    parallelToolCalls: optional(body, "parallel_tool_calls", "boolean"),
    serviceTier: optional(body, "service_tier", "string"),
    user: optional(body, "safety_identifier", "string") ?? optional(body, "user", "string"),
    metadata: optional(body, "metadata", "object"),
    promptCacheKey: optional(body, "prompt_cache_key", "string"),
  }) as Settings;
}
