import { type DialectName, type JsonObject } from "@trunkline/contracts";
import type { Catalogue, CatalogueModel, NamedRoute, Target } from "@trunkline/exchange";

export type ListedModel = { readonly id: string; readonly model: CatalogueModel };

/**
 * Every name a client can ask for. A model goes by its bare name where that leads to it, and by `provider/model` where the bare name
 * belongs to another.
 */
export async function listedModels(catalogue: Catalogue, named: readonly NamedRoute[]): Promise<ListedModel[]> {
  const all = await catalogue.list();
  const owner = new Map<string, CatalogueModel>();
  for (const model of all) {
    const claimer = catalogue.providers.find((provider) => provider.claims(model.id));
    if ((!claimer || claimer === model.provider) && !owner.has(model.id)) owner.set(model.id, model);
  }
  const isBuiltIn = (model: CatalogueModel) => model.provider.kind === "embedded";
  const listed = all.map((model) => ({
    id: owner.get(model.id) === model && !isBuiltIn(model) ? model.id : `${model.provider.name}/${model.id}`,
    model,
  }));
  const byTarget = ({ provider, model }: Target): CatalogueModel =>
    all.find((candidate) => candidate.provider === provider && candidate.id === model) ?? { id: model, provider };
  for (const { name, target } of named)
    if (!listed.some((entry) => entry.id === name)) listed.push({ id: name, model: byTarget(target) });
  for (const alias of Object.keys(catalogue.aliases)) {
    if (listed.some((entry) => entry.id === alias)) continue;
    const route = named.find(({ name }) => name === catalogue.aliases[alias]);
    const target = route?.target ?? catalogue.resolve(alias);
    const { provider, model } =
      target instanceof Promise ? await target.catch(() => ({ provider: undefined, model: "" })) : target;
    if (!provider) continue;
    listed.push({ id: alias, model: byTarget({ provider, model }) });
  }
  return listed;
}

function openaiModel({ id, model }: ListedModel): JsonObject {
  return { id, object: "model", created: model.created ?? 0, owned_by: model.provider.name };
}

function anthropicModel({ id, model }: ListedModel): JsonObject {
  return {
    type: "model",
    id,
    display_name: model.displayName ?? id,
    created_at: new Date((model.created ?? 0) * 1000).toISOString(),
  };
}

function geminiModel({ id, model }: ListedModel): JsonObject {
  return {
    name: `models/${id}`,
    version: "001",
    displayName: model.displayName ?? id,
    inputTokenLimit: model.inputTokenLimit ?? 0,
    outputTokenLimit: model.outputTokenLimit ?? 0,
    supportedGenerationMethods: [
      "generateContent",
      "streamGenerateContent",
      "countTokens",
      ...(model.provider.capabilities.embeddings ? ["embedContent"] : []),
    ],
  };
}

/** One model as the vendor's own API would show it. */
export function encodeModel(dialect: DialectName, listed: ListedModel): JsonObject {
  if (dialect === "anthropic-messages") return anthropicModel(listed);
  return dialect === "gemini" ? geminiModel(listed) : openaiModel(listed);
}

/** The whole list, in one page. */
export function encodeModels(dialect: DialectName, listed: readonly ListedModel[]): JsonObject {
  if (dialect === "anthropic-messages") {
    return {
      data: listed.map(anthropicModel),
      has_more: false,
      first_id: listed[0]?.id ?? null,
      last_id: listed.at(-1)?.id ?? null,
    };
  }
  return dialect === "gemini" ? { models: listed.map(geminiModel) } : { object: "list", data: listed.map(openaiModel) };
}
