import { parse, stringify } from "yaml";
import { importCliProxy } from "./cli-proxy.ts";
import { members, newDraft } from "./draft.ts";
import { importLiteLlm } from "./lite-llm.ts";
import { importOpenRouter } from "./open-router.ts";

const sources = { cliproxyapi: importCliProxy, litellm: importLiteLlm, openrouter: importOpenRouter } as const;

export type ImportSource = keyof typeof sources;
export const importSources = Object.keys(sources) as ImportSource[];

export type ImportedConfig = {
  /** A trunkline.yaml. */
  readonly yaml: string;
  /** What has no counterpart, or needs a hand. */
  readonly notes: readonly string[];
  /** Client keys found, in the form of TRUNKLINE_CLIENTS. */
  readonly clients: readonly { readonly name: string; readonly key: string }[];
};

/** Reads another gateway's configuration. Throws when the file is not YAML. */
export function importConfig(source: ImportSource, content: string, file: string): ImportedConfig {
  const parsed: unknown = parse(content);
  const draft = newDraft();
  sources[source](Array.isArray(parsed) ? { requests: parsed } : members(parsed), draft);
  if (draft.clients.length > 0) {
    draft.notes.push(
      `${draft.clients.length} client key(s) were found. To keep them, set TRUNKLINE_CLIENTS to the JSON that --json prints under "clients"; keys of the database replace them all once there is one.`,
    );
  }
  const { server, providers, aliases, routes, limits, retries } = draft;
  const filled = (part: object) => Object.keys(part).length > 0;
  const body = {
    ...(filled(server) ? { server } : {}),
    providers,
    ...(filled(aliases) ? { aliases } : {}),
    ...(filled(routes) ? { routes } : {}),
    ...(filled(limits) ? { limits } : {}),
    ...(filled(retries) ? { retries } : {}),
  };
  return { yaml: `# Imported from ${file}.\n${stringify(body)}`, notes: draft.notes, clients: draft.clients };
}
