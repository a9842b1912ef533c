import {
  compact,
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
import { isImage, urlFromFile } from "../shared/media.ts";
import { wrapNative } from "../shared/native.ts";
import { dropRefused } from "../shared/degrade.ts";
import { pairTools } from "../shared/pair-tools.ts";
import { effortOf } from "../shared/reasoning.ts";
import { isStrictReady, outputSchema } from "../shared/strict-schema.ts";
import { createToolNames, wrappedArgument, type ToolNames } from "../shared/tool-names.ts";
import { wrappedDescription, wrappedSchema } from "../shared/wrapped-tool.ts";
import { encodeReasoningDetail } from "./reasoning.ts";
import { signatureSlot } from "./schema.ts";

type Context = { readonly traits: TargetTraits; readonly names: ToolNames; readonly degraded: Set<string> };

export function encodeRequest(conversation: Conversation, model: string, traits: TargetTraits): EncodedRequest {
  const names = createToolNames(conversation.tools, { keepCustom: traits.customTools, keepNamespace: false });
  const context: Context = { traits, names, degraded: new Set(conversation.unknown) };
  const tools = conversation.tools.flatMap((tool) => encodeTool(tool, context));
  const body: JsonObject = compact({
    model,
    messages: pairTools(conversation.messages, context.degraded).flatMap((message) => encodeMessage(message, context)),
    tools: tools.length > 0 ? tools : undefined,
    // A choice without tools is refused upstream.
    tool_choice: tools.length > 0 ? encodeToolChoice(conversation.toolChoice, context) : undefined,
    ...encodeSettings(conversation.settings, tools.length > 0, context),
    stream: conversation.stream || undefined,
    stream_options: conversation.stream && traits.streamUsage ? { include_usage: true } : undefined,
  });
  dropRefused(body, traits, context.degraded);
  return { body, degraded: [...context.degraded], toolNames: names };
}

function encodeMessage(message: Message, context: Context): JsonObject[] {
  switch (message.role) {
    case "system":
    case "developer":
      return [
        {
          role: message.role === "developer" ? context.traits.developerRole : "system",
          content: encodeContent(message.content, context),
        },
      ];
    case "user":
      return [
        compact({
          role: "user",
          content: encodeContent(message.content.filter(keepKnown(context)), context),
          name: message.name,
        }),
      ];
    case "assistant":
      return [encodeAssistant(message, context)];
    case "tool": {
      // Chat's tool messages hold text only: files are lifted into a user message behind the last result.
      const lifted: FilePart[] = [];
      const results = message.content.map((result) => {
        if (result.isError) context.degraded.add("tool_result.is_error");
        lifted.push(...result.content.filter((part) => part.type === "file"));
        return {
          role: "tool",
          tool_call_id: result.callId,
          content: encodeContent(
            result.content.filter((part) => part.type === "text"),
            context,
          ),
        };
      });
      return lifted.length === 0
        ? results
        : [...results, { role: "user", content: lifted.map((part) => encodeFile(part, context)) }];
    }
  }
}

function keepKnown(context: Context) {
  return (part: { readonly type: string }): part is TextPart | FilePart => {
    if (part.type === "native") context.degraded.add("messages.native_block");
    return part.type !== "native";
  };
}

function encodeContent(parts: readonly (TextPart | FilePart)[], context: Context): JsonValue {
  const plain = parts.every((part) => part.type === "text" && !(part.cacheControl && context.traits.cacheControl));
  if (parts.some((part) => part.cacheControl) && !context.traits.cacheControl) context.degraded.add("cache_control");
  if (plain) return parts.map((part) => (part as TextPart).text).join("\n\n");
  return parts.map((part) =>
    part.type === "file"
      ? encodeFile(part, context)
      : compact({
          type: "text",
          text: part.text,
          cache_control: context.traits.cacheControl ? part.cacheControl : undefined,
        }),
  );
}

function encodeFile(part: FilePart, context: Context): JsonObject {
  if (part.mediaType.startsWith("audio/") && part.source.kind === "base64") {
    return { type: "input_audio", input_audio: { data: part.source.data, format: part.mediaType.slice(6) } };
  }
  if (part.source.kind === "file") {
    if (part.source.family === "openai" && context.traits.family === "openai")
      return { type: "file", file: { file_id: part.source.id } };
    context.degraded.add("messages.file_id");
    return { type: "text", text: `[file ${part.source.id}]` };
  }
  if (part.source.kind === "text") return { type: "text", text: part.source.text };
  const url = urlFromFile(part)!;
  if (isImage(part)) return { type: "image_url", image_url: compact({ url, detail: part.detail }) };
  return { type: "file", file: { filename: part.filename ?? "document.pdf", file_data: url } };
}

function encodeAssistant(message: Extract<Message, { role: "assistant" }>, context: Context): JsonObject {
  const { traits, names } = context;
  const text: string[] = [];
  let refusal: string | undefined;
  const calls: JsonObject[] = [];
  const reasoning = message.content.filter((part) => part.type === "reasoning");
  for (const part of message.content) {
    if (part.type === "text") text.push(part.text);
    else if (part.type === "refusal") refusal = part.text;
    else if (part.type === "file" || part.type === "native") context.degraded.add(`messages.${part.type}_block`);
    else if (part.type === "tool-call") {
      const name = names.toWire(part.name, part.namespace);
      const input = names.isWrapped(part.name) ? JSON.stringify({ [wrappedArgument]: part.input }) : part.input || "{}";
      const signature =
        part.native?.family === traits.family
          ? { google: { thought_signature: wrapNative(part.native, traits.family) } }
          : undefined;
      if (part.kind === "custom" && traits.customTools)
        calls.push({ id: part.id, type: "custom", custom: { name, input: part.input } });
      else
        calls.push(
          compact({ id: part.id, type: "function", function: { name, arguments: input }, [signatureSlot]: signature }),
        );
    }
  }
  const own = reasoning.filter((part) => !part.native || part.native.family === traits.family);
  const thoughts = own.map((part) => part.text).join("");
  const wantsText = traits.reasoningField !== null && thoughts !== "";
  if (reasoning.length > 0 && !wantsText && !traits.reasoningDetails) context.degraded.add("messages.reasoning");
  return compact({
    role: "assistant",
    content: text.length > 0 ? text.join("") : calls.length > 0 || refusal !== undefined ? null : "",
    refusal,
    name: message.name,
    ...(wantsText ? { [traits.reasoningField!]: thoughts } : {}),
    reasoning_details: traits.reasoningDetails && own.length > 0 ? own.map(encodeReasoningDetail) : undefined,
    tool_calls: calls.length > 0 ? calls : undefined,
  });
}

function encodeTool(tool: Tool, context: Context): JsonObject[] {
  if (tool.kind === "native") {
    if (tool.native.family === "openai-chat") return [tool.native.value as JsonObject];
    context.degraded.add(`tools.${tool.label}`);
    return [];
  }
  const name = context.names.toWire(tool.name, tool.kind === "function" ? tool.namespace : undefined);
  if (tool.kind === "custom") {
    if (context.traits.customTools)
      return [{ type: "custom", custom: compact({ name, description: tool.description, format: tool.format }) }];
    return [
      {
        type: "function",
        function: compact({ name, description: wrappedDescription(tool), parameters: wrappedSchema }),
      },
    ];
  }
  return [
    {
      type: "function",
      function: compact({
        name,
        description: tool.description,
        parameters: tool.parameters ?? { type: "object", properties: {} },
        strict: tool.strict && isStrictReady(tool.parameters) ? true : undefined,
      }),
    },
  ];
}

function encodeToolChoice(choice: ToolChoice | undefined, { names, traits }: Context): JsonValue | undefined {
  if (!choice) return undefined;
  if (choice.mode === "tool") {
    const name = names.toWire(choice.name, undefined);
    return choice.kind === "custom" && traits.customTools
      ? { type: "custom", custom: { name } }
      : { type: "function", function: { name } };
  }
  if (choice.mode !== "allowed") return choice.mode;
  if (choice.names.length === 1 && choice.required)
    return { type: "function", function: { name: names.toWire(choice.names[0]!, undefined) } };
  const tools = choice.names.map((name) => ({ type: "function", function: { name: names.toWire(name, undefined) } }));
  return { type: "allowed_tools", allowed_tools: { mode: choice.required ? "required" : "auto", tools } };
}

function encodeSettings(settings: Settings, hasTools: boolean, { traits, degraded }: Context): JsonObject {
  const { reasoning, responseFormat: format } = settings;
  const effort = effortOf(reasoning);
  if (effort !== undefined && !traits.reasoningEffort) degraded.add("reasoning");
  let responseFormat: JsonObject | undefined;
  if (format?.type === "json") responseFormat = { type: "json_object" };
  if (format?.type === "json-schema") {
    if (traits.jsonOutput !== "schema") degraded.add("response_format");
    if (traits.jsonOutput === "schema") {
      const { schema, strict } = outputSchema(format);
      responseFormat = {
        type: "json_schema",
        json_schema: compact({
          name: format.name ?? "answer",
          description: format.description,
          schema,
          strict: strict || undefined,
        }),
      };
    } else if (traits.jsonOutput === "object") responseFormat = { type: "json_object" };
  }
  return {
    [traits.maxTokensField]: settings.maxOutputTokens,
    temperature: settings.temperature,
    top_p: settings.topP,
    top_k: traits.family === "openai" ? void (settings.topK !== undefined && degraded.add("top_k")) : settings.topK,
    frequency_penalty: settings.frequencyPenalty,
    presence_penalty: settings.presencePenalty,
    seed: settings.seed,
    stop: settings.stop ? [...settings.stop] : undefined,
    n: settings.choices !== undefined && settings.choices > 1 ? settings.choices : undefined,
    logprobs: settings.logprobs,
    top_logprobs: settings.topLogprobs,
    logit_bias: settings.logitBias,
    response_format: responseFormat,
    parallel_tool_calls: hasTools ? settings.parallelToolCalls : undefined,
    reasoning_effort: traits.reasoningEffort ? effort : undefined,
    service_tier: settings.serviceTier,
    verbosity: settings.verbosity,
    user: settings.user,
    prompt_cache_key: traits.family === "openai" ? settings.promptCacheKey : undefined,
  };
}
