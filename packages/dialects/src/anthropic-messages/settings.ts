import { compact, type JsonObject, type ReasoningSettings, type Settings } from "@trunkline/contracts";
import type { TargetTraits } from "../dialect.ts";
import { reportMissing } from "../shared/degrade.ts";
import { budgetForEffort } from "../shared/reasoning.ts";
import { closeObjects } from "../shared/strict-schema.ts";
import { adaptiveModels, smallestBudget } from "./schema.ts";

/** Settings with no counterpart here that leave the answer's form as it is. */
const withoutCounterpart = {
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  seed: "seed",
  logitBias: "logit_bias",
  verbosity: "verbosity",
  promptCacheKey: "prompt_cache_key",
} as const;

export function encodeSettings(
  settings: Settings,
  model: string,
  traits: TargetTraits,
  degraded: Set<string>,
): JsonObject {
  reportMissing(settings, withoutCounterpart, degraded);
  if (settings.metadata) degraded.add("metadata");
  if (settings.serviceTier !== undefined && settings.serviceTier !== "auto" && settings.serviceTier !== "default")
    degraded.add("service_tier");
  if (settings.responseFormat?.type === "json") degraded.add("response_format");
  const maxTokens = Math.max(1, Math.floor(settings.maxOutputTokens ?? traits.defaultMaxTokens));
  const { thinking, effort } = encodeThinking(settings.reasoning, model, maxTokens, degraded);
  const thinks = thinking !== undefined && thinking["type"] !== "disabled";
  const format =
    settings.responseFormat?.type === "json-schema"
      ? { type: "json_schema", schema: closeObjects(settings.responseFormat.schema) }
      : undefined;
  return compact({
    max_tokens: maxTokens,
    ...encodeSampling(settings, thinks, degraded),
    stop_sequences: settings.stop ? settings.stop.filter((text) => text.trim() !== "") : undefined,
    thinking,
    output_config: effort === undefined && !format ? undefined : compact({ effort, format }),
    metadata: settings.user === undefined ? undefined : { user_id: settings.user },
  });
}

/** Temperature runs to 1 here and to 2 at OpenAI; with thinking on, sampling is fixed. */
function encodeSampling(settings: Settings, thinks: boolean, degraded: Set<string>): JsonObject {
  const { temperature, topP, topK } = settings;
  if (thinks) {
    if (temperature !== undefined && temperature !== 1) degraded.add("temperature");
    if (topP !== undefined) degraded.add("top_p");
    if (topK !== undefined) degraded.add("top_k");
    return {};
  }
  if (temperature !== undefined && temperature > 1) degraded.add("temperature");
  // Newer models refuse both at once; temperature is what people mean.
  if (temperature !== undefined && topP !== undefined) degraded.add("top_p");
  return {
    temperature: temperature === undefined ? undefined : Math.min(1, temperature),
    top_p: temperature === undefined ? topP : undefined,
    top_k: topK,
  };
}

export function encodeThinking(
  reasoning: ReasoningSettings | undefined,
  model: string,
  maxTokens: number,
  degraded: Set<string>,
): { thinking?: JsonObject; effort?: string } {
  if (!reasoning) return {};
  if (reasoning.effort === "none" || reasoning.budgetTokens === 0) return { thinking: { type: "disabled" } };
  if (
    adaptiveModels.test(model) &&
    (reasoning.effort !== undefined || reasoning.adaptive || reasoning.budgetTokens === -1)
  ) {
    const effort = reasoning.effort === "minimal" ? "low" : reasoning.effort;
    return { thinking: { type: "adaptive" }, ...(effort === undefined ? {} : { effort }) };
  }
  const wanted = reasoning.budgetTokens ?? budgetForEffort(reasoning.effort ?? "medium") ?? budgetForEffort("medium")!;
  // The budget must leave room for an answer.
  const budget = Math.min(Math.max(wanted < 0 ? budgetForEffort("medium")! : wanted, smallestBudget), maxTokens - 1);
  if (budget < smallestBudget) {
    degraded.add("reasoning");
    return {};
  }
  return { thinking: { type: "enabled", budget_tokens: budget } };
}
