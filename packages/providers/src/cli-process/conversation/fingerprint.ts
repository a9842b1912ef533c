import { createHash } from "node:crypto";
import { parseJson, type AssistantPart, type Conversation, type FilePart, type Message } from "@trunkline/contracts";
import { instructionsOf, isInstruction } from "./last-turn.ts";

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}

/** Everything but the messages that a thread was opened with: two requests of one shape can share a thread. */
export function shapeOf(conversation: Conversation, model: string): string {
  const { tools, toolChoice, settings } = conversation;
  const { reasoning, responseFormat, maxOutputTokens } = settings;
  const plain = tools.map((tool) => (tool.kind === "function" ? { ...tool, cacheControl: undefined } : tool));
  return hash([
    model,
    instructionsOf(conversation),
    plain,
    toolChoice?.mode === "none",
    reasoning ?? null,
    responseFormat ?? null,
    maxOutputTokens ?? null,
  ]);
}

function fileOf({ mediaType, source }: FilePart): unknown {
  return [mediaType, createHash("sha256").update(JSON.stringify(source)).digest("base64url")];
}

/** What of an answer comes back the same from every client: its text and its calls. Thoughts and the cut into blocks do not. */
function saidBy(content: readonly AssistantPart[]): unknown {
  const text = content.map((part) => (part.type === "text" || part.type === "refusal" ? part.text : "")).join("");
  const calls = content.flatMap((part) =>
    part.type === "tool-call" ? [[part.id, part.name, parseJson(part.input) ?? part.input]] : [],
  );
  return [text.trim(), calls];
}

function essence(message: Message): unknown {
  if (message.role === "assistant") return ["assistant", saidBy(message.content)];
  if (message.role === "tool") {
    return [
      "tool",
      message.content.map((result) => [
        result.callId,
        result.isError ?? false,
        result.content.map((part) => (part.type === "text" ? part.text : fileOf(part))),
      ]),
    ];
  }
  return [
    "user",
    message.content.map((part) => (part.type === "text" ? part.text : part.type === "file" ? fileOf(part) : part)),
  ];
}

/** Consecutive messages of tools and user are one turn, whichever way a client cuts them. */
export function fingerprint(shape: string, messages: readonly Message[], answer?: readonly AssistantPart[]): string {
  const said = messages.filter((message) => !isInstruction(message)).map(essence);
  if (answer) said.push(["assistant", saidBy(answer)]);
  return hash([shape, said]);
}
