import type { Turn } from "../driver.ts";

/** Whether a turn is what a thread that stopped at these calls waits for: their results and nothing else. Anything is, when it stopped at none. */
export function answersCalls({ conversation, from }: Turn, calls: readonly string[]): boolean {
  if (calls.length === 0) return true;
  const fresh = conversation.messages.slice(from);
  const given = new Set(
    fresh.flatMap((message) => (message.role === "tool" ? message.content.map((part) => part.callId) : [])),
  );
  return fresh.every(({ role }) => role === "tool") && calls.every((id) => given.has(id));
}
