import { compileGlob, type TargetLoads } from "@trunkline/policies";
import { lookUp } from "@trunkline/contracts";
import type { CatalogueModel, Target } from "../catalogue.ts";
import { usualOutputTokens } from "../estimate-tokens.ts";
import { hasImages, hasTools, inputTokens, type RequestFacts } from "./request-facts.ts";

/** Models that stand for whichever is fastest, cheapest or best, and how each is told. */
export const virtualModels = {
  "auto-fast":
    "the shortest measured time until a first content; what has not been measured comes last, cheapest first",
  "auto-cheap": "the lowest price for this request",
  "auto-best": "the highest price of output tokens, which is how vendors rank their own models",
} as const;
export type VirtualModel = keyof typeof virtualModels;

export function virtualModelOf(name: string): VirtualModel | undefined {
  return lookUp({ "auto-fast": "auto-fast", "auto-cheap": "auto-cheap", "auto-best": "auto-best" } as const, name);
}

/** Candidates asked one after the other at most. */
const mostCandidates = 8;
/** Models of a chat API that are no chat models. */
const otherKinds = /embed|whisper|tts|transcri|dall-?e|image|moderation|realtime|audio|rerank|guard|ocr|veo|imagen/i;

export type VirtualContext = {
  readonly facts: RequestFacts;
  readonly models: readonly CatalogueModel[];
  /** Globs over model names and `provider/model` the choice is made from. */
  readonly among: readonly string[];
  readonly loads: TargetLoads;
  readonly price: (target: Target, tokens: { input: number; output: number }) => number | undefined;
};

export type Ranked = { readonly target: Target; readonly why: string };

/** The models a virtual one stands for now, best first, each with what it was ranked by. Those that cannot do what the request asks are left out. */
export function rankModels(virtual: VirtualModel, { facts, models, among, loads, price }: VirtualContext): Ranked[] {
  const globs = among.map(compileGlob);
  const tokens = { input: inputTokens(facts), output: usualOutputTokens };
  const needsTools = hasTools(facts);
  const needsImages = hasImages(facts);
  const rows = models
    .filter(({ id, provider, inputTokenLimit }) => {
      if (provider.kind === "embedded" || otherKinds.test(id)) return false;
      if (!globs.some((matches) => matches(id) || matches(`${provider.name}/${id}`))) return false;
      if (needsTools && provider.capabilities.tools === "none") return false;
      if (needsImages && !provider.capabilities.images) return false;
      return inputTokenLimit === undefined || inputTokenLimit === 0 || inputTokenLimit >= tokens.input;
    })
    .map(({ id, provider }) => {
      const target = { provider, model: id };
      return {
        target,
        cost: price(target, tokens),
        worth: price(target, { input: 0, output: 1_000_000 }),
        latency: loads.latency(provider.name, id, facts.now),
      };
    });
  const last = Number.POSITIVE_INFINITY;
  type Row = (typeof rows)[number];
  const rank: Readonly<Record<VirtualModel, (row: Row) => readonly [number, number]>> = {
    "auto-fast": (row) => [row.latency ?? last, row.cost ?? last],
    "auto-cheap": (row) => [row.cost ?? last, row.latency ?? last],
    "auto-best": (row) => [-(row.worth ?? -1), row.latency ?? last],
  };
  const words: Readonly<Record<VirtualModel, (row: Row) => string>> = {
    "auto-fast": (row) =>
      row.latency === undefined ? "not measured yet" : `first content after about ${Math.round(row.latency)} ms`,
    "auto-cheap": (row) =>
      row.cost === undefined ? "price not known" : `about $${(row.cost / 1e9).toFixed(6)} for such a request`,
    "auto-best": (row) =>
      row.worth === undefined ? "price not known" : `$${(row.worth / 1e9).toFixed(2)} a million output tokens`,
  };
  return rows
    .map((row) => ({ row, rank: rank[virtual](row) }))
    .toSorted((a, b) => compare(a.rank[0], b.rank[0]) || compare(a.rank[1], b.rank[1]))
    .slice(0, mostCandidates)
    .map(({ row }) => ({ target: row.target, why: words[virtual](row) }));
}

/** Subtraction of two infinities is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
