import type { PresetName } from "@trunkline/providers";
import { freeName, list, members, text, wholeNumber, withVersion, type Draft, type Members } from "./draft.ts";

/** Lists of keys of one vendor, and the names its models go by when the file lists none. */
const vendors: readonly { readonly list: string; readonly preset: PresetName; readonly patterns: readonly string[] }[] =
  [
    { list: "claude-api-key", preset: "anthropic", patterns: ["claude-*"] },
    { list: "gemini-api-key", preset: "gemini", patterns: ["gemini-*"] },
    { list: "codex-api-key", preset: "openai", patterns: ["gpt-*", "codex-*"] },
  ];

const strategies: Readonly<Record<string, string>> = {
  "round-robin": "round-robin",
  "weighted-round-robin": "weighted",
  "fill-first": "priority",
};

const known = new Set([
  "host",
  "port",
  "api-keys",
  "routing",
  "request-retry",
  "max-retry-interval",
  "openai-compatibility",
  ...vendors.map((vendor) => vendor.list),
  "debug",
  "logging-to-file",
  "request-log",
]);

/** Several providers that have the same models, by the name a client asks for. */
type Shared = Map<string, string[]>;

export function importCliProxy(root: Members, draft: Draft): void {
  const host = text(root["host"]);
  if (host !== undefined) draft.server["host"] = host;
  if (typeof root["port"] === "number") draft.server["port"] = root["port"];
  for (const [index, key] of list(root["api-keys"]).entries()) {
    const secret = text(key);
    if (secret) draft.clients.push({ name: `cliproxyapi-${index + 1}`, key: secret });
  }
  const shared: Shared = new Map();
  for (const vendor of vendors) {
    for (const value of list(root[vendor.list])) {
      // Older files list bare keys.
      const entry = typeof value === "string" ? { "api-key": value } : members(value);
      const wanted = text(entry["prefix"]) ?? vendor.preset;
      addProvider(draft, shared, wanted, vendor.preset, entry, text(entry["api-key"]), vendor.patterns);
    }
  }
  for (const value of list(root["openai-compatibility"])) {
    const entry = members(value);
    const keys = [
      ...list(entry["api-key-entries"]).map((item) => text(members(item)["api-key"])),
      ...list(entry["api-keys"]).map(text),
    ].filter((item) => item !== undefined);
    const wanted = text(entry["prefix"]) ?? text(entry["name"]) ?? "openai-compatible";
    // A provider has one credential: the others become providers of their own.
    for (const key of keys.length > 0 ? keys : [undefined])
      addProvider(draft, shared, wanted, "openai-compatible", entry, key, []);
  }
  addRoutes(root, draft, shared);
  const attempts = wholeNumber(root["request-retry"]);
  if (attempts !== undefined) draft.retries["attempts"] = Math.min(10, attempts);
  const longest = wholeNumber(root["max-retry-interval"]);
  if (longest !== undefined) draft.retries["longest_wait_seconds"] = longest;
  for (const name of Object.keys(root))
    if (!known.has(name)) draft.notes.push(`\`${name}\` has no counterpart and was left out.`);
  if (text(root["auth-dir"]))
    draft.notes.push(
      "Signed-in accounts in `auth-dir` are tokens of the vendors' programs; they are not taken over. Sign the programs themselves in.",
    );
}

/** One name asked of several providers becomes a route; asked of one under another name, an alias. */
function addRoutes(root: Members, draft: Draft, shared: Shared): void {
  const routing = members(root["routing"]);
  const wanted =
    routing["session-affinity"] === true ? "sticky" : (strategies[text(routing["strategy"]) ?? ""] ?? "round-robin");
  for (const [name, targets] of shared) {
    const [first] = targets;
    if (targets.length > 1) draft.routes.push({ pattern: name, strategy: wanted, targets });
    else if (first !== undefined && !name.includes("*") && first.slice(first.indexOf("/") + 1) !== name)
      draft.aliases[name] = first;
  }
}

function addProvider(
  draft: Draft,
  shared: Shared,
  wanted: string,
  preset: PresetName,
  entry: Members,
  apiKey: string | undefined,
  patterns: readonly string[],
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
  const share = (asked: string, target: string) =>
    shared.set(asked, [...(shared.get(asked) ?? []), `${name}/${target}`]);
  for (const model of models) {
    const target = text(model["name"]);
    if (target) share(text(model["alias"]) ?? target, target);
  }
  if (names.length === 0) for (const pattern of patterns) share(pattern, pattern);
  if (text(entry["proxy-url"]))
    draft.notes.push(`The proxy of '${name}' was left out: set HTTPS_PROXY for the gateway.`);
  if (list(entry["excluded-models"]).length > 0)
    draft.notes.push(`The excluded models of '${name}' were left out: list the wanted ones under \`models\`.`);
}
