import {
  asArray,
  asBoolean,
  asNumber,
  asObject,
  asString,
  compact,
  isObject,
  type Conversation,
  type JsonObject,
  type JsonValue,
  type Message,
  type ResponseFormat,
  type Settings,
  type Tool,
  type ToolChoice,
  type ToolResultPart,
  type UserPart,
} from "@trunkline/contracts";
import { objectAt, objectsAt, optional, reject, stringsAt, unknownMembers } from "../shared/reject.ts";
import { plainSchema } from "./clean-schema.ts";
import { camelMembers } from "./members.ts";
import { createCallIds, decodeModelPart, decodeUserPart, type CallIds } from "./parts.ts";
import { envelopes, family, knownMembers } from "./schema.ts";

export function decodeRequest(raw: JsonObject, model?: string): Conversation {
  const body = camelMembers(raw) as JsonObject;
  const contents = body["contents"];
  if (
    contents === undefined ||
    contents === null ||
    contents === "" ||
    (Array.isArray(contents) && contents.length === 0)
  )
    reject("contents", "contents is not specified");
  const callIds = createCallIds();
  const system = decodeSystem(body["systemInstruction"]);
  const list = Array.isArray(contents) ? contents : [contents];
  const config = optional(body, "generationConfig", "object") ?? {};
  return compact({
    model: model ?? asString(body["model"])?.replace(/^models\//, "") ?? reject("model", "model is not specified"),
    messages: [...system, ...list.flatMap((content, index) => decodeContent(content, `contents[${index}]`, callIds))],
    tools: objectsAt(body, "tools").flatMap(decodeTool),
    toolChoice: decodeToolChoice(asObject(asObject(body["toolConfig"])?.["functionCallingConfig"])),
    settings: decodeSettings(config),
    stream: false,
    unknown: unknownMembers(body, knownMembers),
  }) as Conversation;
}

function decodeSystem(value: JsonValue | undefined): Message[] {
  if (value === undefined || value === null) return [];
  const parts = typeof value === "string" ? [{ text: value }] : asArray(asObject(value)?.["parts"] ?? []);
  const list = parts.length === 0 && isObject(value) && typeof value["parts"] === "object" ? [value["parts"]] : parts;
  const texts = list.flatMap((part) =>
    typeof part === "string" ? [part] : [asString(asObject(part)?.["text"]) ?? ""],
  );
  return texts.some((text) => text !== "")
    ? [{ role: "system", content: texts.map((text) => ({ type: "text", text })) }]
    : [];
}

function decodeContent(value: JsonValue | undefined, path: string, callIds: CallIds): Message[] {
  if (typeof value === "string") return [{ role: "user", content: [{ type: "text", text: value }] }];
  const content = objectAt(value, path);
  const role = content["role"] ?? "user";
  if (!Array.isArray(content["parts"])) reject(`${path}.parts`, `${path}.parts is not specified`);
  const parts = content["parts"].map((part, index) =>
    typeof part === "string" ? { text: part } : objectAt(part, `${path}.parts[${index}]`),
  );
  if (role === "model")
    return [{ role: "assistant", content: parts.flatMap((part) => decodeModelPart(part, callIds)) }];
  if (role !== "user" && role !== "function" && role !== "tool")
    reject(`${path}.role`, "Please use a valid role: user, model.");

  const results: ToolResultPart[] = [];
  const rest: UserPart[] = [];
  for (const [index, part] of parts.entries()) {
    const response = asObject(part["functionResponse"]);
    if (response) results.push(decodeResult(response, callIds));
    else rest.push(decodeUserPart(part, `${path}.parts[${index}]`));
  }
  return [
    ...(results.length > 0 ? [{ role: "tool", content: results } as const] : []),
    ...(rest.length > 0 ? [{ role: "user", content: rest } as const] : []),
  ];
}

function decodeResult(response: JsonObject, callIds: CallIds): ToolResultPart {
  const name = asString(response["name"]) ?? "";
  const value = response["response"];
  const members = isObject(value) ? Object.keys(value) : [];
  const only = members.length === 1 ? members[0]! : "";
  const inner = isObject(value) && envelopes.includes(only) ? value[only] : value;
  const files = asArray(response["parts"]).flatMap((part, index) => {
    const decoded = decodeUserPart(asObject(part) ?? {}, `functionResponse.parts[${index}]`);
    return decoded.type === "file" ? [decoded] : [];
  });
  return compact({
    type: "tool-result",
    callId: callIds.forResult(name, asString(response["id"])),
    name,
    isError: only === "error" ? true : undefined,
    content: [{ type: "text", text: typeof inner === "string" ? inner : JSON.stringify(inner ?? {}) }, ...files],
  }) as ToolResultPart;
}

function decodeTool(tool: JsonObject): Tool[] {
  const declarations = tool["functionDeclarations"];
  if (!Array.isArray(declarations)) {
    const label = Object.keys(tool)[0] ?? "unknown";
    return [{ kind: "native", label, native: { family, value: tool } }];
  }
  return declarations.map((value, index): Tool => {
    const path = `tools.functionDeclarations[${index}]`;
    const declaration = objectAt(value, path);
    const full = asObject(declaration["parametersJsonSchema"]);
    const subset = asObject(declaration["parameters"]);
    return compact({
      kind: "function",
      name: asString(declaration["name"]) ?? reject(`${path}.name`, `${path}.name is not specified`),
      description: asString(declaration["description"]),
      parameters: full ?? (subset ? plainSchema(subset) : undefined),
    }) as Tool;
  });
}

function decodeToolChoice(config: JsonObject | undefined): ToolChoice | undefined {
  const names = asArray(config?.["allowedFunctionNames"]).filter((name) => typeof name === "string");
  switch (config?.["mode"]) {
    case "NONE":
      return { mode: "none" };
    case "AUTO":
      return { mode: "auto" };
    case "ANY":
      if (names.length === 1) return { mode: "tool", name: names[0]! };
      return names.length > 1 ? { mode: "allowed", names, required: true } : { mode: "required" };
    case "VALIDATED":
      return names.length > 0 ? { mode: "allowed", names, required: false } : { mode: "auto" };
    default:
      return undefined;
  }
}

function decodeFormat(config: JsonObject): ResponseFormat | undefined {
  const full = asObject(config["responseJsonSchema"]);
  const subset = asObject(config["responseSchema"]);
  if (full ?? subset) return { type: "json-schema", schema: full ?? plainSchema(subset!), strict: false };
  return config["responseMimeType"] === "application/json" ? { type: "json" } : undefined;
}

function decodeSettings(config: JsonObject): Settings {
  const thinking = asObject(config["thinkingConfig"]);
  const path = (name: string) => `generationConfig.${name}`;
  return compact({
    maxOutputTokens: optional(config, "maxOutputTokens", "number", path("maxOutputTokens")),
    temperature: optional(config, "temperature", "number", path("temperature")),
    topP: optional(config, "topP", "number", path("topP")),
    topK: optional(config, "topK", "number", path("topK")),
    frequencyPenalty: optional(config, "frequencyPenalty", "number", path("frequencyPenalty")),
    presencePenalty: optional(config, "presencePenalty", "number", path("presencePenalty")),
    seed: optional(config, "seed", "number", path("seed")),
    stop: stringsAt(config, "stopSequences"),
    choices: optional(config, "candidateCount", "number", path("candidateCount")),
    logprobs: optional(config, "responseLogprobs", "boolean", path("responseLogprobs")),
    topLogprobs: optional(config, "logprobs", "number", path("logprobs")),
    reasoning: thinking
      ? compact({
          budgetTokens: asNumber(thinking["thinkingBudget"]),
          effort: asString(thinking["thinkingLevel"])?.toLowerCase(),
          visible: asBoolean(thinking["includeThoughts"]),
        })
      : undefined,
    responseFormat: decodeFormat(config),
  }) as Settings;
}
