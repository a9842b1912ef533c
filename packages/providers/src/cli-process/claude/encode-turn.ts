import { randomUUID } from "node:crypto";
import { asArray, asObject, asString, type Conversation, type JsonObject, type JsonValue } from "@trunkline/contracts";
import { dialects, plainTraits, type TargetTraits, type ToolNames } from "@trunkline/dialects";
import { callsBehind, isInstruction } from "../conversation/last-turn.ts";

/** Name under which the client's tools are offered; the program puts it before each tool's own. */
export const toolServer = "t";
export const toolPrefix = `mcp__${toolServer}__`;

const traits: TargetTraits = { ...plainTraits, family: "anthropic", reasoningEffort: true, mediaByUrl: false };

/** A conversation as the lines this program reads. */
export type EncodedConversation = {
  readonly system: string;
  readonly tools: readonly JsonObject[];
  /** Turns of user and assistant, alternating; the last is the user's. */
  readonly turns: readonly { readonly role: "user" | "assistant"; readonly content: readonly JsonObject[] }[];
  readonly schema: JsonObject | undefined;
  readonly names: ToolNames;
  readonly degraded: readonly string[];
};

/** Members the program drops on its own: its breakpoints are its own business. */
function withoutCacheControl(block: JsonObject): JsonObject {
  const { cache_control: _dropped, ...rest } = block;
  return rest;
}

function encodeBlock(given: JsonValue): JsonObject[] {
  const block = withoutCacheControl(asObject(given) ?? {});
  if (block["type"] === "tool_use") return [{ ...block, name: `${toolPrefix}${asString(block["name"])}` }];
  return [block];
}

export function encodeConversation(conversation: Conversation, model: string): EncodedConversation {
  const { body, degraded, toolNames } = dialects["anthropic-messages"].encodeRequest(conversation, model, traits);
  const choice = conversation.toolChoice?.mode;
  const tools = choice === "none" ? [] : asArray(body["tools"]).map((tool) => withoutCacheControl(tool as JsonObject));
  const format = asObject(asObject(body["output_config"])?.["format"]);
  const system = asArray(body["system"])
    .map((block) => asString(asObject(block)?.["text"]) ?? "")
    .filter((text) => text !== "")
    .join("\n\n");
  return {
    system,
    tools: tools.map(({ name, description, input_schema }) => ({
      name,
      ...(description === undefined ? {} : { description }),
      inputSchema: input_schema,
    })),
    turns: asArray(body["messages"]).map((given) => {
      const turn = asObject(given) ?? {};
      return {
        role: turn["role"] === "assistant" ? "assistant" : "user",
        content: asArray(turn["content"]).flatMap(encodeBlock),
      };
    }),
    schema: asObject(format?.["schema"]),
    names: toolNames,
    degraded,
  };
}

/** The newest turn alone, for a thread that knows the rest. */
export function encodeNewTurn(conversation: Conversation, from: number, model: string): EncodedConversation {
  const instructions = conversation.messages.slice(0, from).filter(isInstruction);
  const fresh = conversation.messages.slice(from);
  // Results without their calls would be taken for strays.
  const calls = callsBehind(fresh);
  const messages = [...instructions, ...calls, ...fresh];
  const encoded = encodeConversation({ ...conversation, messages }, model);
  const first = encoded.turns.findIndex(({ role }) => role === "assistant") + 1;
  return calls.length === 0 ? encoded : { ...encoded, turns: encoded.turns.slice(first) };
}

export function initializeLine(encoded: EncodedConversation, requestId: string): JsonObject {
  return {
    type: "control_request",
    request_id: requestId,
    request: {
      subtype: "initialize",
      systemPrompt: [encoded.system],
      // Otherwise a resumed session keeps the system prompt of its first turn, whatever is sent later.
      systemPromptSnapshot: false,
      ...(encoded.schema === undefined ? {} : { jsonSchema: encoded.schema }),
      ...(encoded.tools.length === 0
        ? {}
        : {
            sdkMcpServers: [toolServer],
            // Spares the round trips of an MCP handshake where the program knows this member; older ones ask.
            sdkMcpServerManifests: {
              [toolServer]: {
                initializeResult: serverInfo(protocolVersion),
                toolsListResult: { tools: [...encoded.tools] },
              },
            },
          }),
    },
  };
}

export const protocolVersion = "2025-11-25";

export function serverInfo(version: string): JsonObject {
  return { protocolVersion: version, capabilities: { tools: {} }, serverInfo: { name: toolServer, version: "1" } };
}

/** A line of the user's. `asks` false adds it to the history without an answer. */
export function userLine(content: readonly JsonObject[], asks: boolean): JsonObject {
  return {
    type: "user",
    message: { role: "user", content: [...content] },
    parent_tool_use_id: null,
    // The text is a client's: no file mentions, no commands.
    client_composed: true,
    ...(asks ? {} : { shouldQuery: false }),
  };
}

/** A line of the model's, with an id of its own: without one, the program joins it to the one before. */
export function assistantLine(content: readonly JsonObject[]): JsonObject {
  return {
    type: "assistant",
    message: { id: `msg_${randomUUID()}`, type: "message", role: "assistant", content: [...content] },
    parent_tool_use_id: null,
    uuid: randomUUID(),
  };
}
