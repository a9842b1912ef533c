import type { JsonObject, JsonValue } from "@trunkline/contracts";

/** Adds a turn where roles must alternate: neighbours of one role become one. `member` is what the dialect calls a turn's parts. */
export function addTurn(turns: JsonObject[], role: string, member: "content" | "parts", parts: JsonObject[]): void {
  if (parts.length === 0) return;
  const last = turns.at(-1);
  if (last?.["role"] === role) (last[member] as JsonValue[]).push(...parts);
  else turns.push({ role, [member]: parts });
}
