import type { Conversation, Message } from "@trunkline/contracts";

/** Index of the first message of the newest turn: what came after the model last spoke. */
export function newestTurn(messages: readonly Message[]): number {
  return messages.findLastIndex((message) => message.role === "assistant") + 1;
}

export function isInstruction(message: Message): boolean {
  return message.role === "system" || message.role === "developer";
}

/** System and developer texts, in order. */
export function instructionsOf(conversation: Conversation): string {
  return conversation.messages
    .filter(isInstruction)
    .map((message) => message.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n"))
    .filter((text) => text !== "")
    .join("\n\n");
}

/** The model's message these tool results answer, as far as they tell; empty when there are none. */
export function callsBehind(messages: readonly Message[]): Message[] {
  const results = messages.flatMap((message) => (message.role === "tool" ? message.content : []));
  if (results.length === 0) return [];
  return [
    {
      role: "assistant",
      content: results.map(({ callId, name, kind }) => ({
        type: "tool-call",
        id: callId,
        name: name ?? "tool",
        input: "{}",
        kind: kind ?? "function",
      })),
    },
  ];
}
