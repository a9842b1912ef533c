import type { calcPrice } from "@pydantic/genai-prices";
import type { Usage } from "@trunkline/contracts";
import { costOf } from "./cost.ts";
import { tierFactor } from "./service-tiers.ts";
import type { Tariff } from "./tariff.ts";

/** An operator's own price for the models a glob names at a provider. */
export type PriceOverride = {
  readonly provider: string;
  readonly matches: (model: string) => boolean;
  readonly tariff: Tariff;
};

export type PriceBook = {
  /** Loads the price list, which is large and needed only once there is something to charge; undefined when it is there. */
  load(): Promise<void> | undefined;
  /** The tariff in force, or undefined when none is known. `source` is what the price list calls the vendor. */
  tariffFor(question: { provider: string; source: string; model: string; at: number }): Tariff | undefined;
  /** Nano-USD, or null when the price is not known. */
  cost(question: {
    provider: string;
    source: string;
    model: string;
    at: number;
    usage: Usage;
    serviceTier: string | null;
  }): number | null;
};

/** Milliseconds a looked-up tariff is kept: some vendors charge less at night. */
const keepMs = 60_000;

/** Vendors in the price list whose name is not the preset's. */
const listNames: Readonly<Record<string, string>> = { gemini: "google", xai: "x-ai", "azure-openai": "azure" };

/** Models that run on the operator's own machine cost nothing. */
const free: ReadonlySet<string> = new Set(["trunkline", "ollama", "lmstudio", "llama.cpp", "llama-file"]);
const nothing: Tariff = { input_mtok: 0, output_mtok: 0 };

let list: typeof calcPrice | undefined;

export function createPriceBook(overrides: readonly PriceOverride[]): PriceBook {
  const kept = new Map<string, { tariff: Tariff | undefined; until: number }>();

  function listed(source: string, model: string, at: number): Tariff | undefined {
    const name = `${source}/${model}`;
    const known = kept.get(name);
    if (known && known.until > at) return known.tariff;
    if (!list) throw new Error("the price list has not been loaded");
    const found = list({ input_tokens: 0 }, model, {
      providerId: listNames[source] ?? source,
      timestamp: new Date(at),
    });
    const tariff = found?.model_price as Tariff | undefined;
    // A client can make up names without end.
    if (kept.size > 5000) kept.clear();
    kept.set(name, { tariff, until: at + keepMs });
    return tariff;
  }

  const book: PriceBook = {
    load: () =>
      list
        ? undefined
        : import("@pydantic/genai-prices").then((module) => {
            list = module.calcPrice;
          }),
    tariffFor({ provider, source, model, at }) {
      const override = overrides.find((candidate) => candidate.provider === provider && candidate.matches(model));
      if (override) return override.tariff;
      return free.has(source) ? nothing : listed(source, model, at);
    },
    cost({ usage, serviceTier, ...question }) {
      const tariff = book.tariffFor(question);
      const factor =
        question.source === "openai" || question.source === "azure-openai"
          ? tierFactor(question.model, serviceTier)
          : 1000;
      return tariff && factor !== undefined ? costOf(usage, tariff, factor) : null;
    },
  };
  return book;
}
