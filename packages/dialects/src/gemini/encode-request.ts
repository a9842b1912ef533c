import {
  asObject,
  compact,
  isObject,
  parseJson,
  type AssistantPart,
  type Conversation,
  type FilePart,
  type JsonObject,
  type Message,
  type Native,
  type ReasoningSettings,
  type Settings,
  type Tool,
  type ToolChoice,
  type ToolResultPart,
  lookUp,
} from "@trunkline/contracts";
import type { EncodedRequest, TargetTraits } from "../dialect.ts";
import { concreteType, parseDataUrl } from "../shared/media.ts";
import { dropRefused, reportMissing } from "../shared/degrade.ts";
import { addTurn } from "../shared/turns.ts";
import { pairTools } from "../shared/pair-tools.ts";
import { budgetForEffort } from "../shared/reasoning.ts";
import { createToolNames, wrappedArgument, type ToolNames } from "../shared/tool-names.ts";
import { wrappedDescription, wrappedSchema } from "../shared/wrapped-tool.ts";
import { cleanSchema } from "./clean-schema.ts";
import { envelopes, family } from "./schema.ts";

type Context = { readonly names: ToolNames; readonly degraded: Set<string> };

export function encodeRequest(conversation: Conversation, model: string, traits: TargetTraits): EncodedRequest {
  const names = createToolNames(conversation.tools, { keepCustom: false, keepNamespace: false });
  const context: Context = { names, degraded: new Set(conversation.unknown) };
  const system: JsonObject[] = [];
  const contents: JsonObject[] = [];
  for (const message of pairTools(conversation.messages, context.degraded)) {
    if (message.role === "system" || message.role === "developer") {
      if (contents.length > 0) context.degraded.add("messages.system_position");
      system.push(...message.content.flatMap((part) => (part.type === "text" ? [{ text: part.text }] : [])));
    } else addTurn(contents, message.role === "assistant" ? "model" : "user", "parts", encodeMessage(message, context));
  }
  // The first turn must be the user's.
  if (contents[0]?.["role"] !== "user") contents.unshift({ role: "user", parts: [{ text: " " }] });
  const tools = encodeTools(conversation.tools, context);
  const body: JsonObject = compact({
    contents,
    systemInstruction: system.length > 0 ? { parts: system } : undefined,
    tools: tools.length > 0 ? tools : undefined,
    toolConfig: tools.length > 0 ? encodeToolChoice(conversation.toolChoice, context) : undefined,
    generationConfig: encodeSettings(conversation.settings, model, context.degraded),
  });
  dropRefused(body, traits, context.degraded);
  return { body, degraded: [...context.degraded], toolNames: names };
}

function encodeMessage(message: Message, context: Context): JsonObject[] {
  if (message.role === "tool") return message.content.flatMap((result) => encodeResult(result, context));
  if (message.role === "assistant") return encodeModelParts(message.content, context);
  return message.content.flatMap((part): JsonObject[] => {
    if (part.type !== "native" && part.cacheControl) context.degraded.add("cache_control");
    if (part.type === "text") return [{ text: part.text }];
    if (part.type === "file") return [encodeFile(part, context)];
    return part.type === "native" ? encodeNative(part.native, context) : [];
  });
}

function encodeNative(native: Native, context: Context): JsonObject[] {
  if (native.family === family) return [native.value as JsonObject];
  context.degraded.add("messages.native_block");
  return [];
}

function encodeFile(part: FilePart, context: Context): JsonObject {
  const mimeType = concreteType(part.mediaType);
  switch (part.source.kind) {
    case "base64":
      return { inlineData: { mimeType, data: part.source.data } };
    case "url": {
      const inline = parseDataUrl(part.source.url);
      return inline
        ? { inlineData: { mimeType: inline.mediaType, data: inline.data } }
        : { fileData: { mimeType, fileUri: part.source.url } };
    }
    case "text":
      return { text: part.source.text };
    case "file":
      if (part.source.family === family) return { fileData: { mimeType, fileUri: part.source.id } };
      context.degraded.add("messages.file_id");
      return { text: `[file ${part.source.id}]` };
  }
}

function encodeModelParts(content: readonly AssistantPart[], context: Context): JsonObject[] {
  const parts: JsonObject[] = [];
  /** A signature that came in a block of its own belongs to the part behind it. */
  let pending: string | undefined;
  const sign = (native: Native | undefined): string | undefined => {
    const own = native?.family === family ? (native.value as string) : pending;
    pending = undefined;
    return own;
  };
  for (const part of content) {
    if (part.type === "reasoning") {
      const signature = part.native?.family === family ? (part.native.value as string) : undefined;
      if (signature === undefined) context.degraded.add("messages.reasoning");
      else if (part.text === "") pending = signature;
      else parts.push({ text: part.text, thought: true, thoughtSignature: signature });
    } else if (part.type === "text" || part.type === "refusal") {
      if (part.text === "") continue;
      parts.push(compact({ text: part.text, thoughtSignature: part.type === "text" ? sign(part.native) : undefined }));
    } else if (part.type === "tool-call") {
      const name = context.names.toWire(part.name, part.namespace);
      const parsed = parseJson(part.input || "{}");
      const args =
        part.kind === "custom" ? { [wrappedArgument]: part.input } : isObject(parsed) ? parsed : { input: part.input };
      parts.push(compact({ functionCall: { id: part.id, name, args }, thoughtSignature: sign(part.native) }));
    } else if (part.type === "file")
      parts.push(compact({ ...encodeFile(part, context), thoughtSignature: sign(part.native) }));
    else parts.push(...encodeNative(part.native, context));
  }
  if (pending !== undefined) parts.push({ text: "", thoughtSignature: pending });
  return parts;
}

function encodeResult(result: ToolResultPart, context: Context): JsonObject[] {
  const text = result.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
  // The response must be an object; text goes under the customary names.
  const response = result.isError ? { error: text } : (structured(text) ?? { output: text });
  const files = result.content.filter((part) => part.type === "file").map((part) => encodeFile(part, context));
  return [
    {
      functionResponse: {
        id: result.callId,
        name: context.names.toWire(result.name ?? result.callId, undefined),
        response,
      },
    },
    ...files,
  ];
}

/** A tool's text as the object it spells out, if nothing of it is lost on the way there and back: no digit, and no envelope of its own. */
function structured(text: string): JsonObject | undefined {
  const value = asObject(parseJson(text));
  if (!value || JSON.stringify(value) !== text) return undefined;
  return Object.keys(value).length === 1 && envelopes.some((name) => Object.hasOwn(value, name)) ? undefined : value;
}

function encodeTools(tools: readonly Tool[], context: Context): JsonObject[] {
  const declarations: JsonObject[] = [];
  const own: JsonObject[] = [];
  for (const tool of tools) {
    if (tool.kind === "native") {
      if (tool.native.family === family) own.push(tool.native.value as JsonObject);
      else context.degraded.add(`tools.${tool.label}`);
    } else if (tool.kind === "custom") {
      declarations.push({
        name: context.names.toWire(tool.name, undefined),
        description: wrappedDescription(tool),
        parameters: cleanSchema(wrappedSchema),
      });
    } else {
      const schema = tool.parameters;
      // An object schema without properties is refused; no schema at all means no arguments.
      const hasArguments = schema && Object.keys(asObject(schema["properties"]) ?? {}).length > 0;
      const isOther =
        schema &&
        schema["properties"] === undefined &&
        Object.keys(schema).some((keyword) => ["$ref", "anyOf", "oneOf", "allOf"].includes(keyword));
      declarations.push(
        compact({
          name: context.names.toWire(tool.name, tool.namespace),
          description: tool.description,
          parameters: hasArguments || isOther ? cleanSchema(schema) : undefined,
        }),
      );
    }
  }
  return [...(declarations.length > 0 ? [{ functionDeclarations: declarations }] : []), ...own];
}

function encodeToolChoice(choice: ToolChoice | undefined, context: Context): JsonObject | undefined {
  if (!choice) return undefined;
  const modes = { auto: "AUTO", none: "NONE", required: "ANY", tool: "ANY", allowed: "ANY" } as const;
  const names = choice.mode === "tool" ? [choice.name] : choice.mode === "allowed" ? choice.names : [];
  const mode = choice.mode === "allowed" && !choice.required ? "VALIDATED" : modes[choice.mode];
  const allowed =
    names.length > 0 ? { allowedFunctionNames: names.map((name) => context.names.toWire(name, undefined)) } : {};
  return { functionCallingConfig: { mode, ...allowed } };
}

export function encodeThinking(
  reasoning: ReasoningSettings | undefined,
  model: string,
  degraded: Set<string>,
): JsonObject | undefined {
  if (!reasoning) return undefined;
  const shown =
    reasoning.effort !== "none" && reasoning.budgetTokens !== 0 ? { includeThoughts: reasoning.visible ?? true } : {};
  // Gemini 3 takes levels, 2.5 budgets.
  if (/gemini-([3-9]|\d\d)/.test(model) && reasoning.budgetTokens === undefined) {
    const levels: Readonly<Record<string, string>> = {
      none: "minimal",
      minimal: "minimal",
      low: "low",
      medium: "medium",
      high: "high",
      xhigh: "high",
      max: "high",
    };
    const level = lookUp(levels, reasoning.effort);
    if (reasoning.effort !== undefined && level === undefined) degraded.add("reasoning.effort");
    return compact({ thinkingLevel: level, ...shown });
  }
  const budget =
    reasoning.budgetTokens ??
    (reasoning.effort === undefined ? (reasoning.adaptive ? -1 : undefined) : budgetForEffort(reasoning.effort));
  return compact({ thinkingBudget: budget, ...shown });
}

const withoutCounterpart = {
  logitBias: "logit_bias",
  user: "user",
  verbosity: "verbosity",
  promptCacheKey: "prompt_cache_key",
  metadata: "metadata",
  serviceTier: "service_tier",
} as const;

function encodeSettings(settings: Settings, model: string, degraded: Set<string>): JsonObject | undefined {
  reportMissing(settings, withoutCounterpart, degraded);
  if (settings.parallelToolCalls === false) degraded.add("parallel_tool_calls");
  const format = settings.responseFormat;
  const config: JsonObject = compact({
    maxOutputTokens: settings.maxOutputTokens,
    temperature: settings.temperature,
    topP: settings.topP,
    topK: settings.topK,
    frequencyPenalty: settings.frequencyPenalty,
    presencePenalty: settings.presencePenalty,
    seed: settings.seed,
    stopSequences: settings.stop ? [...settings.stop] : undefined,
    candidateCount: settings.choices !== undefined && settings.choices > 1 ? settings.choices : undefined,
    responseLogprobs: settings.logprobs,
    logprobs: settings.logprobs ? settings.topLogprobs : undefined,
    responseMimeType: format && format.type !== "text" ? "application/json" : undefined,
    responseSchema: format?.type === "json-schema" ? cleanSchema(format.schema) : undefined,
    thinkingConfig: encodeThinking(settings.reasoning, model, degraded),
  });
  return Object.keys(config).length > 0 ? config : undefined;
}
