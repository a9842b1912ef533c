import { asNumber, asObject, type DialectName, type JsonValue, type ReasoningSettings } from "@trunkline/contracts";
import { encodeThinking as anthropicThinking } from "../anthropic-messages/settings.ts";
import { encodeThinking as geminiThinking } from "../gemini/encode-request.ts";
import { budgetForEffort, effortOf } from "./reasoning.ts";
import type { RequestBody } from "./request-body.ts";

const suffix = /^(.+)\((none|minimal|low|medium|high|xhigh|max|auto|-1|\d{1,6})\)$/i;

/** A model's name that says how much to think, as `model(high)`, `model(16384)`, `model(none)` or `model(auto)`; undefined for any other. */
export function parseThinkingSuffix(name: string): { model: string; reasoning: ReasoningSettings } | undefined {
  if (!name.endsWith(")")) return undefined;
  const match = suffix.exec(name);
  if (!match) return undefined;
  const word = match[2]!.toLowerCase();
  if (word === "auto" || word === "-1") return { model: match[1]!, reasoning: { budgetTokens: -1, adaptive: true } };
  const reasoning = /^\d/.test(word) ? { budgetTokens: Number(word) } : { effort: word };
  return { model: match[1]!, reasoning };
}

type Changes = Record<string, JsonValue>;

/** The dialect's own members for it. `model` is the one that will answer, for generations differ in what they take. */
const members: Readonly<
  Record<DialectName, (body: RequestBody, reasoning: ReasoningSettings, model: string) => Changes>
> = {
  "openai-chat"(_body, reasoning): Changes {
    const effort = effortOf(reasoning);
    return effort === undefined ? {} : { reasoning_effort: effort };
  },
  "openai-responses"(body, reasoning): Changes {
    const effort = effortOf(reasoning);
    return effort === undefined ? {} : { reasoning: { ...asObject(body.member("reasoning")), effort } };
  },
  "anthropic-messages"(body, reasoning, model): Changes {
    const given = asNumber(body.member("max_tokens")) ?? 1;
    const wanted = reasoning.budgetTokens ?? budgetForEffort(reasoning.effort ?? "") ?? 0;
    // The budget counts towards the answer's length, which is to stay as it was asked for.
    const room = given + Math.max(0, wanted);
    const { thinking, effort } = anthropicThinking(reasoning, model, room, new Set());
    if (!thinking) return {};
    const thinks = thinking["type"] !== "disabled";
    const limit: Changes = thinking["type"] === "enabled" ? { max_tokens: room } : {};
    // With thinking on, any other temperature is refused.
    const temperature: Changes = thinks && body.member("temperature") !== undefined ? { temperature: 1 } : {};
    const config: Changes =
      effort === undefined ? {} : { output_config: { ...asObject(body.member("output_config")), effort } };
    return { thinking, ...limit, ...temperature, ...config };
  },
  gemini(body, reasoning, model): Changes {
    const thinkingConfig = geminiThinking(reasoning, model, new Set());
    if (!thinkingConfig) return {};
    return { generationConfig: { ...asObject(body.member("generationConfig")), thinkingConfig } };
  },
};

/** The changes to a request's body that make its model think so much, in the request's own dialect. */
export function thinkingMembers(
  dialect: DialectName,
  body: RequestBody,
  reasoning: ReasoningSettings,
  model: string,
): Changes {
  return members[dialect](body, reasoning, model);
}
