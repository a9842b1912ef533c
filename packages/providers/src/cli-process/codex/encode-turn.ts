import { asArray, asObject, asString, type Conversation, type JsonObject } from "@trunkline/contracts";
import { dialects, plainTraits, type TargetTraits, type ToolNames } from "@trunkline/dialects";
import { inlineTexts } from "./files.ts";
import { callsBehind, instructionsOf, isInstruction } from "../conversation/last-turn.ts";

const traits: TargetTraits = { ...plainTraits, family: "openai", reasoningEffort: true, mediaByUrl: false };

/** A conversation as this program takes it: items of OpenAI's Responses API. */
export type EncodedConversation = {
  readonly instructions: string;
  readonly items: readonly JsonObject[];
  readonly tools: readonly JsonObject[];
  readonly schema: JsonObject | undefined;
  readonly effort: string | undefined;
  readonly names: ToolNames;
  readonly degraded: readonly string[];
};

export function encodeConversation(conversation: Conversation, model: string): EncodedConversation {
  const messages = inlineTexts(conversation.messages.filter((message) => !isInstruction(message)));
  const { body, degraded, toolNames } = dialects["openai-responses"].encodeRequest(
    { ...conversation, messages },
    model,
    traits,
  );
  const format = asObject(asObject(body["text"])?.["format"]);
  const tools = conversation.toolChoice?.mode === "none" ? [] : asArray(body["tools"]);
  return {
    instructions: instructionsOf(conversation),
    items: asArray(body["input"]).map((item) => asObject(item) ?? {}),
    tools: tools.flatMap((given) => {
      const tool = asObject(given) ?? {};
      if (tool["type"] !== "function") return [];
      return [
        {
          type: "function",
          name: tool["name"],
          description: asString(tool["description"]) ?? "",
          inputSchema: tool["parameters"] ?? { type: "object" },
        },
      ];
    }),
    schema: format?.["type"] === "json_schema" ? asObject(format["schema"]) : undefined,
    effort: asString(asObject(body["reasoning"])?.["effort"]),
    names: toolNames,
    degraded,
  };
}

/** The newest turn alone, for a thread that knows the rest. */
export function encodeNewTurn(conversation: Conversation, from: number, model: string): EncodedConversation {
  const fresh = conversation.messages.slice(from);
  const calls = callsBehind(fresh);
  const messages = [...conversation.messages.slice(0, from).filter(isInstruction), ...calls, ...fresh];
  const encoded = encodeConversation({ ...conversation, messages }, model);
  // Results without their calls would be taken for strays; the calls are known to the thread.
  const items = encoded.items.filter((item) => calls.length === 0 || item["type"] !== "function_call");
  return { ...encoded, items };
}
