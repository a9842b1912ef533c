import type { Message, ToolCallPart, ToolResultPart } from "@trunkline/contracts";

/**
 * Puts every tool result right behind the message that made the call, once, results in the order of the calls.
 * All vendors but OpenAI Responses insist on it; clients get it wrong after compaction or an interrupted turn.
 * A call that was never answered gets an error result, a result without its call is dropped; both are reported.
 */
export function pairTools(messages: readonly Message[], degraded: Set<string>): Message[] {
  const results = new Map<string, ToolResultPart>();
  for (const message of messages) {
    if (message.role !== "tool") continue;
    for (const result of message.content) if (!results.has(result.callId)) results.set(result.callId, result);
  }
  const called = new Set<string>();
  const paired: Message[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      if (message.content.some((result) => !isCalled(messages, index, result.callId)))
        degraded.add("tool_result.orphan");
      continue;
    }
    paired.push(message);
    if (message.role !== "assistant") continue;
    const calls = message.content.filter(
      (part): part is ToolCallPart => part.type === "tool-call" && !called.has(part.id),
    );
    if (calls.length === 0) continue;
    for (const call of calls) called.add(call.id);
    const isLast = index === messages.length - 1;
    if (isLast) continue;
    const content = calls.map((call): ToolResultPart => {
      const result = results.get(call.id);
      if (result) return { ...result, name: result.name ?? call.name };
      degraded.add("tool_result.missing");
      return {
        type: "tool-result",
        callId: call.id,
        name: call.name,
        isError: true,
        content: [{ type: "text", text: "No result was recorded for this call." }],
      };
    });
    paired.push({ role: "tool", content });
  }
  return paired;
}

function isCalled(messages: readonly Message[], before: number, callId: string): boolean {
  for (let index = 0; index < before; index++) {
    const message = messages[index]!;
    if (message.role === "assistant" && message.content.some((part) => part.type === "tool-call" && part.id === callId))
      return true;
  }
  return false;
}
