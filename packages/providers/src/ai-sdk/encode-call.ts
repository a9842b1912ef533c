import type { LanguageModelV4CallOptions, LanguageModelV4Message, LanguageModelV4Prompt } from "@ai-sdk/provider";
import {
  isObject,
  parseJson,
  type AssistantPart,
  type Conversation,
  type FilePart,
  type Message,
  type Native,
  type TextPart,
  type ToolResultPart,
} from "@trunkline/contracts";
import { createToolNames, type ToolNames } from "@trunkline/dialects";

export type EncodedCall = {
  readonly options: LanguageModelV4CallOptions;
  readonly degraded: readonly string[];
  readonly toolNames: ToolNames;
};

type Context = {
  readonly family: string;
  readonly legacyFiles: boolean;
  readonly names: ToolNames;
  readonly degraded: Set<string>;
};
type Content<Role> = Extract<LanguageModelV4Message, { role: Role }>["content"];

const efforts = new Set(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

/** The conversation as a call of the AI SDK's model interface. `legacyFiles`: version 3 has files as bare data. */
export function encodeCall(
  conversation: Conversation,
  family: string,
  legacyFiles: boolean,
  signal: AbortSignal,
): EncodedCall {
  const { settings } = conversation;
  const names = createToolNames(conversation.tools, { keepCustom: false, keepNamespace: false });
  const context: Context = { family, legacyFiles, names, degraded: new Set(conversation.unknown) };
  for (const [name, value] of Object.entries({
    logit_bias: settings.logitBias,
    user: settings.user,
    metadata: settings.metadata,
    service_tier: settings.serviceTier,
    prompt_cache_key: settings.promptCacheKey,
    verbosity: settings.verbosity,
    parallel_tool_calls: settings.parallelToolCalls,
  })) {
    if (value !== undefined) context.degraded.add(name);
  }
  const tools = conversation.tools.flatMap((tool) => {
    if (tool.kind === "native") {
      context.degraded.add(`tools.${tool.label}`);
      return [];
    }
    const isCustom = tool.kind === "custom";
    const inputSchema = isCustom
      ? { type: "object", properties: { input: { type: "string" } }, required: ["input"] }
      : (tool.parameters ?? { type: "object", properties: {} });
    const name = names.toWire(tool.name, isCustom ? undefined : tool.namespace);
    return [
      {
        type: "function" as const,
        name,
        inputSchema: inputSchema as object,
        ...(tool.description === undefined ? {} : { description: tool.description }),
      },
    ];
  });
  const {
    reasoning,
    responseFormat: format,
    maxOutputTokens,
    temperature,
    topP,
    topK,
    presencePenalty,
    frequencyPenalty,
    seed,
    stop,
  } = settings;
  const effort = reasoning?.effort;
  const options: Record<string, unknown> = {
    prompt: conversation.messages.map((message) => encodeMessage(message, context)) satisfies LanguageModelV4Prompt,
    maxOutputTokens,
    temperature,
    topP,
    topK,
    presencePenalty,
    frequencyPenalty,
    seed,
    stopSequences: stop ? [...stop] : undefined,
    responseFormat:
      format?.type === "json-schema"
        ? { type: "json", schema: format.schema, ...(format.name === undefined ? {} : { name: format.name }) }
        : format?.type === "json"
          ? { type: "json" }
          : undefined,
    tools: tools.length > 0 ? tools : undefined,
    toolChoice: tools.length > 0 ? encodeChoice(conversation, context) : undefined,
    reasoning: !legacyFiles && effort !== undefined && efforts.has(effort) ? effort : undefined,
    abortSignal: signal,
  };
  for (const name of Object.keys(options)) if (options[name] === undefined) delete options[name];
  return { options: options as LanguageModelV4CallOptions, degraded: [...context.degraded], toolNames: names };
}

function encodeChoice(
  { toolChoice: choice }: Conversation,
  { names, degraded }: Context,
): LanguageModelV4CallOptions["toolChoice"] {
  if (!choice) return undefined;
  if (choice.mode === "tool") return { type: "tool", toolName: names.toWire(choice.name, undefined) };
  if (choice.mode !== "allowed") return { type: choice.mode };
  degraded.add("tool_choice.allowed_tools");
  return { type: choice.required ? "required" : "auto" };
}

/** What the same family's model left with a part goes back with it. */
function withNative<T extends object>(part: T, native: Native | undefined, { family }: Context): T {
  return native?.family === family && isObject(native.value) ? { ...part, providerOptions: native.value } : part;
}

function encodeFile(part: FilePart, { legacyFiles }: Context) {
  const { source } = part;
  const data =
    source.kind === "base64"
      ? source.data
      : source.kind === "text"
        ? Buffer.from(source.text).toString("base64")
        : undefined;
  const url = source.kind === "url" ? new URL(source.url) : undefined;
  const tagged = url ? { type: "url" as const, url } : { type: "data" as const, data: data ?? "" };
  const file = { type: "file" as const, mediaType: part.mediaType, data: legacyFiles ? (url ?? data ?? "") : tagged };
  return (part.filename === undefined ? file : { ...file, filename: part.filename }) as Extract<
    Content<"user">[number],
    { type: "file" }
  >;
}

function encodeUserPart(part: TextPart | FilePart, context: Context): Content<"user">[number] {
  return part.type === "text" ? { type: "text", text: part.text } : encodeFile(part, context);
}

function encodeMessage(message: Message, context: Context): LanguageModelV4Message {
  switch (message.role) {
    case "system":
    case "developer":
      return {
        role: "system",
        content: message.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n"),
      };
    case "user":
      return {
        role: "user",
        content: message.content.flatMap((part) => (part.type === "native" ? [] : [encodeUserPart(part, context)])),
      };
    case "assistant":
      return { role: "assistant", content: message.content.flatMap((part) => encodeAssistantPart(part, context)) };
    case "tool":
      return { role: "tool", content: message.content.map((result) => encodeResult(result, context)) };
  }
}

function encodeAssistantPart(part: AssistantPart, context: Context): Content<"assistant"> {
  switch (part.type) {
    case "text":
    case "refusal":
      return [{ type: "text", text: part.text }];
    case "reasoning":
      if (part.native && part.native.family !== context.family) {
        context.degraded.add("messages.reasoning");
        return [];
      }
      return [withNative({ type: "reasoning", text: part.text }, part.native, context)];
    case "tool-call": {
      const input = part.kind === "custom" ? { input: part.input } : (parseJson(part.input || "{}") ?? {});
      return [
        withNative(
          { type: "tool-call", toolCallId: part.id, toolName: context.names.toWire(part.name, part.namespace), input },
          part.native,
          context,
        ),
      ];
    }
    case "file":
      return [encodeFile(part, context)];
    case "native":
      context.degraded.add("messages.native_block");
      return [];
  }
}

function encodeResult(result: ToolResultPart, context: Context): Content<"tool">[number] {
  const text = result.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
  if (result.content.some((part) => part.type === "file")) context.degraded.add("tool_result.files");
  return {
    type: "tool-result",
    toolCallId: result.callId,
    toolName: context.names.toWire(result.name ?? result.callId, undefined),
    output: { type: result.isError ? "error-text" : "text", value: text },
  };
}
