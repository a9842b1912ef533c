import type { PresetName } from "@trunkline/providers";

export type DraftTarget = string | { target: string; weight: number };
export type DraftRoute = { pattern: string; strategy?: string; fallback_on?: string[]; targets: DraftTarget[] };

/** A configuration while it is put together from another gateway's. */
export type Draft = {
  server: Record<string, unknown>;
  providers: Record<string, Record<string, unknown>>;
  aliases: Record<string, string>;
  routes: DraftRoute[];
  limits: Record<string, unknown>[];
  retries: Record<string, number>;
  notes: string[];
  clients: { name: string; key: string }[];
};

export const newDraft = (): Draft => ({
  server: {},
  providers: {},
  aliases: {},
  routes: [],
  limits: [],
  retries: {},
  notes: [],
  clients: [],
});

export type Members = Record<string, unknown>;

export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
export const members = (value: unknown): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {};
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const wholeNumber = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value > 0 ? value : undefined;

/** A provider's name that is still free. */
export function freeName(draft: Draft, wanted: string): string {
  const base =
    wanted
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, "-")
      .replace(/^[^a-z0-9]+/, "") || "provider";
  let name = base;
  for (let number = 2; Object.hasOwn(draft.providers, name); number++) name = `${base}-${number}`;
  return name;
}

/** Their addresses of Anthropic and Google end before the version, ours behind it. */
export function withVersion(url: string, preset: PresetName): string {
  const trimmed = url.replace(/\/+$/, "");
  if (/\/v\d\w*$/.test(trimmed)) return trimmed;
  if (preset === "anthropic") return `${trimmed}/v1`;
  return preset === "gemini" ? `${trimmed}/v1beta` : trimmed;
}
