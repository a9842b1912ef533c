import { usualFallbacks } from "@trunkline/contracts";
import { presetNames, type PresetName } from "@trunkline/providers";
import { freeName, list, members, text, wholeNumber, type Draft, type DraftTarget, type Members } from "./draft.ts";

/** LiteLLM's provider prefixes that are not our presets' names. */
const presets: Readonly<Record<string, PresetName>> = {
  together_ai: "together",
  fireworks_ai: "fireworks",
  azure: "azure-openai",
  lm_studio: "lmstudio",
  hosted_vllm: "vllm",
  ollama_chat: "ollama",
  custom_openai: "openai-compatible",
};

const strategies: Readonly<Record<string, string>> = {
  "simple-shuffle": "weighted",
  "least-busy": "least-busy",
  "usage-based-routing": "least-busy",
  "usage-based-routing-v2": "least-busy",
  "latency-based-routing": "lowest-latency",
  "cost-based-routing": "cheapest",
};

/** One deployment of a model: who has it, and its share. */
type Deployment = { readonly target: string; readonly weight: number | undefined };

export function importLiteLlm(root: Members, draft: Draft): void {
  const byAccount = new Map<string, string>();
  const groups = new Map<string, Deployment[]>();
  for (const value of list(root["model_list"])) {
    const entry = members(value);
    const name = text(entry["model_name"]);
    const target = addDeployment(draft, byAccount, name, members(entry["litellm_params"]));
    if (name !== undefined && target) groups.set(name, [...(groups.get(name) ?? []), target]);
  }
  for (const [name, provider] of Object.entries(draft.providers)) {
    if (!(provider["models"] as string[]).some((model) => model.includes("*"))) continue;
    delete provider["models"];
    draft.notes.push(`The wildcard models of '${name}' became the provider's own list.`);
  }
  const settings = members(root["litellm_settings"]);
  const router = members(root["router_settings"]);
  addRoutes(draft, groups, router, settings);
  for (const [alias, target] of Object.entries(members(router["model_group_alias"])))
    draft.aliases[alias] = text(target) ?? text(members(target)["model"]) ?? alias;
  const attempts = wholeNumber(router["num_retries"] ?? settings["num_retries"]);
  if (attempts !== undefined) draft.retries["attempts"] = Math.min(10, attempts);
  const master = text(members(root["general_settings"])["master_key"]);
  if (master && !master.startsWith("os.environ/")) draft.clients.push({ name: "litellm-master", key: master });
  noteTheRest(root, draft);
}

function addDeployment(
  draft: Draft,
  byAccount: Map<string, string>,
  alias: string | undefined,
  parameters: Members,
): Deployment | undefined {
  const target = text(parameters["model"]);
  if (!alias || !target) {
    draft.notes.push("An entry of `model_list` without a name or a model was left out.");
    return undefined;
  }
  const slash = target.indexOf("/");
  const prefix = slash > 0 ? target.slice(0, slash) : "openai";
  const model = slash > 0 ? target.slice(slash + 1) : target;
  const baseUrl = text(parameters["api_base"]);
  const preset = presets[prefix] ?? presetNames.find((name) => name === prefix);
  if (!preset) {
    draft.notes.push(
      `'${alias}' uses '${prefix}', which is no preset: configure it as kind ai-sdk, or as openai-compatible with its address.`,
    );
    return undefined;
  }
  const apiKey = text(parameters["api_key"])?.replace(/^os\.environ\/(\w+)$/, "${$1}");
  const account = `${preset} ${baseUrl ?? ""} ${apiKey ?? ""}`;
  let name = byAccount.get(account);
  if (name === undefined) {
    const isOther = preset === "openai" && baseUrl !== undefined;
    name = freeName(draft, isOther ? "openai-compatible" : preset);
    byAccount.set(account, name);
    draft.providers[name] = {
      preset: isOther ? "openai-compatible" : preset,
      ...(baseUrl ? { base_url: baseUrl } : {}),
      ...(apiKey ? { api_key: apiKey } : {}),
      models: [],
    };
  }
  const models = draft.providers[name]!["models"] as string[];
  if (!models.includes(model)) models.push(model);
  const [rpm, tpm] = [wholeNumber(parameters["rpm"]), wholeNumber(parameters["tpm"])];
  if (rpm !== undefined || tpm !== undefined)
    draft.limits.push({
      model: `${name}/${model}`,
      ...(rpm === undefined ? {} : { rpm }),
      ...(tpm === undefined ? {} : { tpm }),
    });
  return { target: `${name}/${model}`, weight: wholeNumber(parameters["weight"]) };
}

/** Stand-ins by the name they stand in for, from `[{name: [others]}]`. */
function standIns(value: unknown): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const entry of list(value))
    for (const [name, others] of Object.entries(members(entry)))
      found.set(
        name,
        list(others).flatMap((other) => text(other) ?? []),
      );
  return found;
}

function addRoutes(
  draft: Draft,
  groups: ReadonlyMap<string, readonly Deployment[]>,
  router: Members,
  settings: Members,
): void {
  const strategy = strategies[text(router["routing_strategy"]) ?? "simple-shuffle"] ?? "weighted";
  const either = (name: string) => router[name] ?? settings[name];
  const usual = standIns(either("fallbacks"));
  const ofContext = standIns(either("context_window_fallbacks"));
  const ofPolicy = standIns(either("content_policy_fallbacks"));
  const always = list(either("default_fallbacks")).flatMap((name) => text(name) ?? []);
  for (const [name, deployments] of groups) {
    const others = [
      ...new Set([
        ...(usual.get(name) ?? usual.get("*") ?? []),
        ...(ofContext.get(name) ?? []),
        ...(ofPolicy.get(name) ?? []),
        ...always,
      ]),
    ].filter((other) => other !== name);
    const behind = others.flatMap((other) => groups.get(other)?.map(({ target }) => target) ?? []);
    const [first] = deployments;
    if (deployments.length === 1 && behind.length === 0 && !name.includes("*")) {
      if (first!.target.slice(first!.target.indexOf("/") + 1) !== name) draft.aliases[name] = first!.target;
      continue;
    }
    const fallbackOn = [
      ...usualFallbacks,
      ...(ofContext.has(name) ? ["context_length"] : []),
      ...(ofPolicy.has(name) ? ["content_filter"] : []),
    ];
    const isShared = deployments.length > 1;
    const targets: DraftTarget[] = [
      ...deployments.map(({ target, weight }) => (weight === undefined ? target : { target, weight })),
      // What stands in only does so: a share of none.
      ...behind.map((target) => (isShared ? { target, weight: 0 } : target)),
    ];
    draft.routes.push({
      pattern: name,
      ...(isShared ? { strategy } : {}),
      ...(fallbackOn.length > usualFallbacks.length ? { fallback_on: fallbackOn } : {}),
      targets,
    });
  }
}

const takenOver: Readonly<Record<string, readonly string[]>> = {
  general_settings: ["master_key"],
  router_settings: [
    "routing_strategy",
    "num_retries",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "default_fallbacks",
    "model_group_alias",
  ],
  litellm_settings: [
    "num_retries",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "default_fallbacks",
  ],
};

function noteTheRest(root: Members, draft: Draft): void {
  for (const name of Object.keys(root)) {
    if (name === "model_list") continue;
    const known = takenOver[name];
    if (!known) draft.notes.push(`\`${name}\` has no counterpart and was left out.`);
    for (const member of known ? Object.keys(members(root[name])) : [])
      if (!known!.includes(member)) draft.notes.push(`\`${name}.${member}\` has no counterpart and was left out.`);
  }
  if (members(root["general_settings"])["database_url"] !== undefined)
    draft.notes.push("Virtual keys are in LiteLLM's database: make new ones with `trunkline keys create`.");
}
