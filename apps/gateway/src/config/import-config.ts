import { parse, stringify } from "yaml";
import { presetNames, type PresetName } from "@trunkline/providers";

export type ImportSource = "cliproxyapi" | "litellm";

export type ImportedConfig = {
  /** A trunkline.yaml. */
  readonly yaml: string;
  /** What has no counterpart, or needs a hand. */
  readonly notes: readonly string[];
  /** Client keys found, in the form of TRUNKLINE_CLIENTS. */
  readonly clients: readonly { readonly name: string; readonly key: string }[];
};

type Draft = {
  server: Record<string, unknown>;
  providers: Record<string, Record<string, unknown>>;
  aliases: Record<string, string>;
  notes: string[];
  clients: { name: string; key: string }[];
};

type Members = Record<string, unknown>;

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const members = (value: unknown): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Reads another gateway's configuration. Throws when the file is not YAML. */
export function importConfig(source: ImportSource, content: string, file: string): ImportedConfig {
  const root = members(parse(content));
  const draft: Draft = { server: {}, providers: {}, aliases: {}, notes: [], clients: [] };
  if (source === "litellm") importLiteLlm(root, draft);
  else importCliProxy(root, draft);
  if (draft.clients.length > 0) {
    draft.notes.push(
      `${draft.clients.length} client key(s) were found. To keep them, set TRUNKLINE_CLIENTS to the JSON that --json prints under "clients"; keys of the database replace them all once there is one.`,
    );
  }
  const body = {
    ...(Object.keys(draft.server).length > 0 ? { server: draft.server } : {}),
    providers: draft.providers,
    ...(Object.keys(draft.aliases).length > 0 ? { aliases: draft.aliases } : {}),
  };
  return { yaml: `# Imported from ${file}.\n${stringify(body)}`, notes: draft.notes, clients: draft.clients };
}

/** A provider's name that is still free. */
function freeName(draft: Draft, wanted: string): string {
  const base =
    wanted
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, "-")
      .replace(/^[^a-z0-9]+/, "") || "provider";
  let name = base;
  for (let number = 2; Object.hasOwn(draft.providers, name); number++) name = `${base}-${number}`;
  return name;
}

const cliProxyLists: readonly { readonly key: string; readonly preset: PresetName }[] = [
  { key: "claude-api-key", preset: "anthropic" },
  { key: "gemini-api-key", preset: "gemini" },
  { key: "codex-api-key", preset: "openai" },
];

const cliProxyKnown = new Set([
  "host",
  "port",
  "api-keys",
  "openai-compatibility",
  "claude-api-key",
  "gemini-api-key",
  "codex-api-key",
  "debug",
  "logging-to-file",
  "request-log",
]);

function importCliProxy(root: Members, draft: Draft): void {
  const host = text(root["host"]);
  if (host !== undefined) draft.server["host"] = host;
  if (typeof root["port"] === "number") draft.server["port"] = root["port"];
  for (const [index, key] of list(root["api-keys"]).entries()) {
    const secret = text(key);
    if (secret) draft.clients.push({ name: `cliproxyapi-${index + 1}`, key: secret });
  }
  for (const { key, preset } of cliProxyLists) {
    for (const value of list(root[key])) {
      // Older files list bare keys.
      const entry = typeof value === "string" ? { "api-key": value } : members(value);
      addCliProxy(draft, text(entry["prefix"]) ?? preset, preset, entry, text(entry["api-key"]));
    }
  }
  for (const value of list(root["openai-compatibility"])) {
    const entry = members(value);
    const keys = [
      ...list(entry["api-key-entries"]).map((item) => text(members(item)["api-key"])),
      ...list(entry["api-keys"]).map(text),
    ].filter((item) => item !== undefined);
    if (keys.length > 1)
      draft.notes.push(
        `'${String(entry["name"])}' has ${keys.length} keys; the first is used. A provider has one credential: add further entries for the others.`,
      );
    addCliProxy(
      draft,
      text(entry["prefix"]) ?? text(entry["name"]) ?? "openai-compatible",
      "openai-compatible",
      entry,
      keys[0],
    );
  }
  for (const name of Object.keys(root)) {
    if (!cliProxyKnown.has(name)) draft.notes.push(`\`${name}\` has no counterpart and was left out.`);
  }
  if (text(root["auth-dir"]))
    draft.notes.push(
      "Signed-in accounts in `auth-dir` are tokens of the vendors' programs; they are not taken over. Sign the programs themselves in.",
    );
}

function addCliProxy(
  draft: Draft,
  wanted: string,
  preset: PresetName,
  entry: Members,
  apiKey: string | undefined,
): void {
  const name = freeName(draft, wanted);
  const baseUrl = text(entry["base-url"]);
  const models = list(entry["models"]).map(members);
  const names = models.flatMap((model) => text(model["name"]) ?? []);
  draft.providers[name] = {
    preset,
    ...(baseUrl ? { base_url: withVersion(baseUrl, preset) } : {}),
    ...(apiKey ? { api_key: apiKey } : {}),
    ...(names.length > 0 ? { models: names } : {}),
    ...(Object.keys(members(entry["headers"])).length > 0 ? { headers: entry["headers"] } : {}),
  };
  for (const model of models) {
    const alias = text(model["alias"]);
    const target = text(model["name"]);
    if (alias && target && alias !== target) draft.aliases[alias] = `${name}/${target}`;
  }
  if (text(entry["proxy-url"]))
    draft.notes.push(`The proxy of '${name}' was left out: set HTTPS_PROXY for the gateway.`);
  if (list(entry["excluded-models"]).length > 0)
    draft.notes.push(`The excluded models of '${name}' were left out: list the wanted ones under \`models\`.`);
}

/** Their addresses of Anthropic and Google end before the version, ours behind it. */
function withVersion(url: string, preset: PresetName): string {
  const trimmed = url.replace(/\/+$/, "");
  if (/\/v\d\w*$/.test(trimmed)) return trimmed;
  if (preset === "anthropic") return `${trimmed}/v1`;
  return preset === "gemini" ? `${trimmed}/v1beta` : trimmed;
}

/** LiteLLM's provider prefixes that are not our presets' names. */
const liteLlmPresets: Readonly<Record<string, PresetName>> = {
  together_ai: "together",
  fireworks_ai: "fireworks",
  azure: "azure-openai",
  lm_studio: "lmstudio",
  hosted_vllm: "vllm",
  ollama_chat: "ollama",
  custom_openai: "openai-compatible",
};

function importLiteLlm(root: Members, draft: Draft): void {
  const byAccount = new Map<string, string>();
  const seen = new Set<string>();
  for (const value of list(root["model_list"])) {
    const entry = members(value);
    const parameters = members(entry["litellm_params"]);
    const alias = text(entry["model_name"]);
    const target = text(parameters["model"]);
    if (!alias || !target) {
      draft.notes.push("An entry of `model_list` without a name or a model was left out.");
      continue;
    }
    const slash = target.indexOf("/");
    const prefix = slash > 0 ? target.slice(0, slash) : "openai";
    const model = slash > 0 ? target.slice(slash + 1) : target;
    const baseUrl = text(parameters["api_base"]);
    const preset = liteLlmPresets[prefix] ?? presetNames.find((name) => name === prefix);
    if (!preset) {
      draft.notes.push(
        `'${alias}' uses '${prefix}', which is no preset: configure it as kind ai-sdk, or as openai-compatible with its address.`,
      );
      continue;
    }
    const apiKey = text(parameters["api_key"])?.replace(/^os\.environ\/(\w+)$/, "${$1}");
    const account = `${preset} ${baseUrl ?? ""} ${apiKey ?? ""}`;
    let name = byAccount.get(account);
    if (name === undefined) {
      name = freeName(draft, preset === "openai" && baseUrl ? "openai-compatible" : preset);
      byAccount.set(account, name);
      draft.providers[name] = {
        preset: preset === "openai" && baseUrl ? "openai-compatible" : preset,
        ...(baseUrl ? { base_url: baseUrl } : {}),
        ...(apiKey ? { api_key: apiKey } : {}),
        models: [],
      };
    }
    const models = draft.providers[name]!["models"] as string[];
    if (!models.includes(model)) models.push(model);
    if (seen.has(alias)) {
      draft.notes.push(`'${alias}' has several deployments; the first is used.`);
      continue;
    }
    seen.add(alias);
    if (alias !== model || alias.includes("*")) draft.aliases[alias] = `${name}/${model}`;
  }
  for (const [name, provider] of Object.entries(draft.providers)) {
    const models = provider["models"] as string[];
    if (models.some((model) => model.includes("*"))) {
      delete provider["models"];
      draft.notes.push(`The wildcard models of '${name}' became the provider's own list.`);
    }
  }
  for (const alias of Object.keys(draft.aliases)) if (alias.includes("*")) delete draft.aliases[alias];
  const master = text(members(root["general_settings"])["master_key"]);
  if (master && !master.startsWith("os.environ/")) draft.clients.push({ name: "litellm-master", key: master });
  for (const name of Object.keys(root)) {
    if (name !== "model_list" && name !== "general_settings")
      draft.notes.push(`\`${name}\` has no counterpart yet and was left out.`);
  }
  for (const name of Object.keys(members(root["general_settings"]))) {
    if (name !== "master_key")
      draft.notes.push(`\`general_settings.${name}\` has no counterpart yet and was left out.`);
  }
}
