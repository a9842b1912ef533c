import type { JsonObject, StreamEvent, Usage } from "@trunkline/contracts";

/** What the ledger wants to know of an answer, gathered while it passes. */
export type Observed = {
  usage: Usage | undefined;
  finishReason: string | undefined;
  serviceTier: string | undefined;
  responseId: string | undefined;
  /** The finished Responses object, when we made it. */
  response: JsonObject | undefined;
  firstContentAt: number | undefined;
  /** Characters of text and tool input sent; the only measure of an answer that was cut off. */
  characters: number;
};

export const nothingObserved: Observed = {
  usage: undefined,
  finishReason: undefined,
  serviceTier: undefined,
  responseId: undefined,
  response: undefined,
  firstContentAt: undefined,
  characters: 0,
};

export function observeEvent(observed: Observed, event: StreamEvent): void {
  if (event.type === "text-delta" || event.type === "reasoning-delta" || event.type === "refusal-delta")
    observed.characters += event.text.length;
  else if (event.type === "tool-input-delta") observed.characters += event.delta.length;
  else if (event.type === "usage") observed.usage = event.usage;
  else if (event.type === "start") {
    observed.usage = event.usage ?? observed.usage;
    observed.serviceTier = event.serviceTier;
  } else if (event.type === "finish" && event.choice === 0)
    observed.finishReason = event.finish.native ?? event.finish.reason;
}
