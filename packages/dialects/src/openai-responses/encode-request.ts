import {
  compact,
  isObject,
  type AssistantPart,
  type Conversation,
  type FilePart,
  type JsonObject,
  type JsonValue,
  type Message,
  type Settings,
  type TextPart,
  type Tool,
  type ToolChoice,
} from "@trunkline/contracts";
import type { EncodedRequest, TargetTraits } from "../dialect.ts";
import { dropRefused, reportMissing } from "../shared/degrade.ts";
import { isImage, urlFromFile } from "../shared/media.ts";
import { effortOf } from "../shared/reasoning.ts";
import { unsupported } from "../shared/reject.ts";
import { isStrictReady, outputSchema } from "../shared/strict-schema.ts";
import { createToolNames } from "../shared/tool-names.ts";
import { family } from "./schema.ts";

export function encodeRequest(conversation: Conversation, model: string, traits: TargetTraits): EncodedRequest {
  const { settings } = conversation;
  if ((settings.choices ?? 1) > 1) unsupported("n", "Responses");
  const degraded = new Set(conversation.unknown);
  const toolNames = createToolNames(conversation.tools, { keepCustom: true, keepNamespace: true });
  const tools = encodeTools(conversation.tools, degraded);
  const body: JsonObject = compact({
    model,
    input: conversation.messages.flatMap((message) => encodeMessage(message, degraded)),
    tools: tools.length > 0 ? tools : undefined,
    tool_choice: tools.length > 0 ? encodeToolChoice(conversation.toolChoice) : undefined,
    ...encodeSettings(settings, tools.length > 0, degraded),
    // The client's dialect keeps no state there; its thoughts come back encrypted instead.
    store: false,
    stream: conversation.stream || undefined,
  });
  dropRefused(body, traits, degraded);
  return { body, degraded: [...degraded], toolNames };
}

function encodeInputParts(parts: readonly (TextPart | FilePart)[], degraded: Set<string>): JsonObject[] {
  return parts.map((part): JsonObject => {
    if (part.cacheControl) degraded.add("cache_control");
    if (part.type === "text") return { type: "input_text", text: part.text };
    if (part.source.kind === "text") return { type: "input_text", text: part.source.text };
    if (part.source.kind === "file") {
      if (part.source.family === family)
        return { type: isImage(part) ? "input_image" : "input_file", file_id: part.source.id };
      degraded.add("messages.file_id");
      return { type: "input_text", text: `[file ${part.source.id}]` };
    }
    if (isImage(part)) return { type: "input_image", image_url: urlFromFile(part)!, detail: part.detail ?? "auto" };
    if (part.mediaType.startsWith("audio/")) unsupported("messages.input_audio", "Responses");
    if (part.source.kind === "url") return { type: "input_file", file_url: part.source.url };
    return { type: "input_file", filename: part.filename ?? "document.pdf", file_data: urlFromFile(part)! };
  });
}

function encodeMessage(message: Message, degraded: Set<string>): JsonObject[] {
  switch (message.role) {
    case "system":
    case "developer":
      return [{ type: "message", role: message.role, content: encodeInputParts(message.content, degraded) }];
    case "user": {
      const parts = message.content.filter((part): part is TextPart | FilePart => part.type !== "native");
      if (parts.length < message.content.length) degraded.add("messages.native_block");
      return [{ type: "message", role: "user", content: encodeInputParts(parts, degraded) }];
    }
    case "tool":
      return message.content.map((result) => {
        if (result.isError) degraded.add("tool_result.is_error");
        const onlyText = result.content.every((part) => part.type === "text");
        return {
          type: result.kind === "custom" ? "custom_tool_call_output" : "function_call_output",
          call_id: result.callId,
          output: onlyText
            ? result.content.map((part) => (part as TextPart).text).join("\n")
            : encodeInputParts(result.content, degraded),
        };
      });
    case "assistant":
      return encodeAssistant(message.content, degraded);
  }
}

function encodeAssistant(content: readonly AssistantPart[], degraded: Set<string>): JsonObject[] {
  const items: JsonObject[] = [];
  for (const part of content) {
    switch (part.type) {
      case "text":
      case "refusal": {
        const value: JsonObject =
          part.type === "text" ? { type: "output_text", text: part.text } : { type: "refusal", refusal: part.text };
        const last = items.at(-1);
        if (last?.["type"] === "message") (last["content"] as JsonValue[]).push(value);
        else items.push({ type: "message", role: "assistant", content: [value] });
        break;
      }
      case "reasoning":
        if (part.native?.family === family && isObject(part.native.value)) {
          items.push(
            compact({
              type: "reasoning",
              ...part.native.value,
              summary: part.text === "" ? [] : [{ type: "summary_text", text: part.text }],
            }),
          );
        } else degraded.add("messages.reasoning");
        break;
      case "tool-call":
        if (part.kind === "custom")
          items.push({ type: "custom_tool_call", call_id: part.id, name: part.name, input: part.input });
        else
          items.push(
            compact({
              type: "function_call",
              call_id: part.id,
              name: part.name,
              namespace: part.namespace,
              arguments: part.input || "{}",
            }),
          );
        break;
      case "native":
        if (part.native.family === family) items.push(part.native.value as JsonObject);
        else degraded.add("messages.native_block");
        break;
      case "file":
        degraded.add("messages.file_block");
    }
  }
  return items;
}

function encodeTools(tools: readonly Tool[], degraded: Set<string>): JsonObject[] {
  const encoded: JsonObject[] = [];
  const namespaces = new Map<string, JsonObject[]>();
  for (const tool of tools) {
    if (tool.kind === "native") {
      if (tool.native.family === family) encoded.push(tool.native.value as JsonObject);
      else degraded.add(`tools.${tool.label}`);
      continue;
    }
    if (tool.kind === "custom") {
      encoded.push(compact({ type: "custom", name: tool.name, description: tool.description, format: tool.format }));
      continue;
    }
    if (tool.cacheControl) degraded.add("cache_control");
    const schema = tool.parameters ?? { type: "object", properties: {} };
    const strict = tool.strict === true && isStrictReady(schema);
    const item = compact({
      type: "function",
      name: tool.name,
      description: tool.description,
      parameters: schema,
      strict,
    });
    if (tool.namespace === undefined) encoded.push(item);
    else {
      const inner = namespaces.get(tool.namespace);
      if (inner) inner.push(item);
      else {
        const list = [item];
        namespaces.set(tool.namespace, list);
        encoded.push({ type: "namespace", name: tool.namespace, tools: list });
      }
    }
  }
  return encoded;
}

function encodeToolChoice(choice: ToolChoice | undefined): JsonValue | undefined {
  if (!choice) return undefined;
  if (choice.mode === "tool") return { type: choice.kind ?? "function", name: choice.name };
  if (choice.mode !== "allowed") return choice.mode;
  return {
    type: "allowed_tools",
    mode: choice.required ? "required" : "auto",
    tools: choice.names.map((name) => ({ type: "function", name })),
  };
}

const withoutCounterpart = {
  topK: "top_k",
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  seed: "seed",
  stop: "stop",
  logitBias: "logit_bias",
} as const;

function encodeSettings(settings: Settings, hasTools: boolean, degraded: Set<string>): JsonObject {
  reportMissing(settings, withoutCounterpart, degraded);
  const { reasoning, responseFormat: format } = settings;
  const effort = effortOf(reasoning);
  const thinks = reasoning !== undefined && effort !== "none";
  const include = [
    ...(thinks ? ["reasoning.encrypted_content"] : []),
    ...(settings.logprobs ? ["message.output_text.logprobs"] : []),
  ];
  let textFormat: JsonObject | undefined;
  if (format?.type === "json") textFormat = { type: "json_object" };
  if (format?.type === "json-schema") {
    const { schema, strict } = outputSchema(format);
    textFormat = compact({
      type: "json_schema",
      name: format.name ?? "answer",
      description: format.description,
      schema,
      strict,
    });
  }
  return {
    max_output_tokens: settings.maxOutputTokens,
    temperature: settings.temperature,
    top_p: settings.topP,
    top_logprobs: settings.logprobs ? settings.topLogprobs : undefined,
    reasoning: reasoning ? compact({ effort, summary: thinks ? (reasoning.summary ?? "auto") : undefined }) : undefined,
    text: textFormat || settings.verbosity ? compact({ format: textFormat, verbosity: settings.verbosity }) : undefined,
    parallel_tool_calls: hasTools ? settings.parallelToolCalls : undefined,
    service_tier: settings.serviceTier,
    safety_identifier: settings.user,
    metadata: settings.metadata,
    prompt_cache_key: settings.promptCacheKey,
    include: include.length > 0 ? include : undefined,
  };
}
