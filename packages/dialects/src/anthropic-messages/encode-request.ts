import {
  compact,
  type AssistantPart,
  type Conversation,
  type FilePart,
  type JsonObject,
  type JsonValue,
  type Message,
  type TextPart,
  type Tool,
  type ToolChoice,
  type ToolResultPart,
} from "@trunkline/contracts";
import type { EncodedRequest, TargetTraits } from "../dialect.ts";
import { concreteType, isImage } from "../shared/media.ts";
import { pairTools } from "../shared/pair-tools.ts";
import { unsupported } from "../shared/reject.ts";
import { addTurn } from "../shared/turns.ts";
import { createToolNames, wrappedArgument, type ToolNames } from "../shared/tool-names.ts";
import { wrappedDescription, wrappedSchema } from "../shared/wrapped-tool.ts";
import { inputObject } from "./blocks.ts";
import { limitBreakpoints } from "./breakpoints.ts";
import { family } from "./schema.ts";
import { encodeSettings } from "./settings.ts";

type Context = { readonly names: ToolNames; readonly degraded: Set<string> };

export function encodeRequest(conversation: Conversation, model: string, traits: TargetTraits): EncodedRequest {
  const { settings } = conversation;
  if ((settings.choices ?? 1) > 1) unsupported("n", "Anthropic");
  if (settings.logprobs || settings.topLogprobs) unsupported("logprobs", "Anthropic");
  const names = createToolNames(conversation.tools, { keepCustom: false, keepNamespace: false });
  const context: Context = { names, degraded: new Set(conversation.unknown) };
  const system: JsonObject[] = [];
  const turns: JsonObject[] = [];
  for (const message of pairTools(conversation.messages, context.degraded)) {
    if (message.role === "system" || message.role === "developer") {
      // Anthropic's system prompt stands apart: one in the middle moves to the front, in order.
      if (turns.length > 0) context.degraded.add("messages.system_position");
      system.push(...message.content.flatMap((part) => (part.type === "text" ? [encodeText(part)] : [])));
    } else
      addTurn(turns, message.role === "assistant" ? "assistant" : "user", "content", encodeMessage(message, context));
  }
  if (turns[0]?.["role"] !== "user")
    turns.unshift({ role: "user", content: [{ type: "text", text: "(The conversation starts here.)" }] });
  const tools = conversation.tools.flatMap((tool) => encodeTool(tool, context));
  const body: JsonObject = compact({
    model,
    system: system.length > 0 ? system : undefined,
    messages: turns,
    tools: tools.length > 0 ? tools : undefined,
    tool_choice:
      tools.length > 0 ? encodeToolChoice(conversation.toolChoice, settings.parallelToolCalls, context) : undefined,
    ...encodeSettings(settings, model, traits, context.degraded),
    stream: conversation.stream || undefined,
  });
  limitBreakpoints(body, context.degraded);
  return { body, degraded: [...context.degraded], toolNames: names };
}

function encodeMessage(message: Message, context: Context): JsonObject[] {
  if (message.role === "tool") return message.content.map((result) => encodeToolResult(result, context));
  if (message.role === "assistant") return message.content.flatMap((part) => encodeAssistantPart(part, context));
  return message.content.flatMap((part): JsonObject[] => {
    if (part.type === "text") return part.text === "" ? [] : [encodeText(part)];
    if (part.type === "file") return [encodeFile(part, context)];
    return part.type === "native" ? encodeNative(part.native, context) : [];
  });
}

function encodeText(part: TextPart): JsonObject {
  const citations = part.citations?.family === family ? part.citations.value : undefined;
  return compact({ type: "text", text: part.text, citations, cache_control: part.cacheControl });
}

function encodeNative(native: { family: string; value: JsonValue }, context: Context): JsonObject[] {
  if (native.family === family) return [native.value as JsonObject];
  context.degraded.add("messages.native_block");
  return [];
}

function encodeFile(part: FilePart, context: Context): JsonObject {
  const { source } = part;
  const type = isImage(part) ? "image" : "document";
  const shared = { cache_control: part.cacheControl, title: type === "document" ? part.filename : undefined };
  switch (source.kind) {
    case "base64":
      if (part.mediaType.startsWith("audio/")) unsupported("messages.input_audio", "Anthropic");
      if (part.mediaType.startsWith("text/")) {
        return compact({
          type,
          source: { type: "text", media_type: "text/plain", data: Buffer.from(source.data, "base64").toString() },
          ...shared,
        });
      }
      return compact({
        type,
        source: { type: "base64", media_type: concreteType(part.mediaType), data: source.data },
        ...shared,
      });
    case "url":
      return compact({ type, source: { type: "url", url: source.url }, ...shared });
    case "text":
      return compact({ type, source: { type: "text", media_type: "text/plain", data: source.text }, ...shared });
    case "file":
      if (source.family === family) return compact({ type, source: { type: "file", file_id: source.id }, ...shared });
      context.degraded.add("messages.file_id");
      return { type: "text", text: `[file ${source.id}]` };
  }
}

/** Ids must match `^[a-zA-Z0-9_-]+$`; the same id always becomes the same text, so that calls and results stay paired. */
function safeId(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/g, "_") || "call";
}

function encodeAssistantPart(part: AssistantPart, context: Context): JsonObject[] {
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [encodeText(part)];
    case "refusal":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "reasoning":
      if (part.native?.family === family) {
        const opaque = part.native.value as string;
        return [
          part.redacted
            ? { type: "redacted_thinking", data: opaque }
            : { type: "thinking", thinking: part.text, signature: opaque },
        ];
      }
      // Thinking without Anthropic's own signature is refused upstream.
      context.degraded.add("messages.reasoning");
      return [];
    case "tool-call": {
      const name = context.names.toWire(part.name, part.namespace);
      const input = part.kind === "custom" ? { [wrappedArgument]: part.input } : inputObject(part.input);
      return [compact({ type: "tool_use", id: safeId(part.id), name, input, cache_control: part.cacheControl })];
    }
    case "file":
      context.degraded.add("messages.file_block");
      return [];
    case "native":
      return encodeNative(part.native, context);
  }
}

function encodeToolResult(result: ToolResultPart, context: Context): JsonObject {
  const content = result.content.flatMap((part) =>
    part.type === "text" ? (part.text === "" ? [] : [encodeText(part)]) : [encodeFile(part, context)],
  );
  return compact({
    type: "tool_result",
    tool_use_id: safeId(result.callId),
    content: content.length > 0 ? content : undefined,
    is_error: result.isError,
    cache_control: result.cacheControl,
  });
}

function encodeTool(tool: Tool, context: Context): JsonObject[] {
  if (tool.kind === "native") {
    if (tool.native.family === family) return [tool.native.value as JsonObject];
    context.degraded.add(`tools.${tool.label}`);
    return [];
  }
  if (tool.kind === "custom") {
    return [
      {
        name: context.names.toWire(tool.name, undefined),
        description: wrappedDescription(tool),
        input_schema: wrappedSchema,
      },
    ];
  }
  const schema = tool.parameters ?? {};
  return [
    compact({
      name: context.names.toWire(tool.name, tool.namespace),
      description: tool.description,
      input_schema: schema["type"] === undefined ? { ...schema, type: "object" } : schema,
      cache_control: tool.cacheControl,
    }),
  ];
}

function encodeToolChoice(
  choice: ToolChoice | undefined,
  parallel: boolean | undefined,
  context: Context,
): JsonObject | undefined {
  const single = parallel === false ? { disable_parallel_tool_use: true } : {};
  if (!choice) return parallel === false ? { type: "auto", ...single } : undefined;
  switch (choice.mode) {
    case "none":
      return { type: "none" };
    case "auto":
      return { type: "auto", ...single };
    case "required":
      return { type: "any", ...single };
    case "tool":
      return { type: "tool", name: context.names.toWire(choice.name, undefined), ...single };
    case "allowed":
      if (choice.names.length === 1 && choice.required)
        return { type: "tool", name: context.names.toWire(choice.names[0]!, undefined), ...single };
      context.degraded.add("tool_choice.allowed_tools");
      return { type: choice.required ? "any" : "auto", ...single };
  }
}
