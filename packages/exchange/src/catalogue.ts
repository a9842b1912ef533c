import { GatewayError } from "@trunkline/contracts";
import type { ModelInfo, Provider } from "@trunkline/providers";

/** A model of a provider: what a name was found to mean. */
export type Target = { readonly provider: Provider; readonly model: string };

export type CatalogueModel = ModelInfo & { readonly provider: Provider };

export type CatalogueOptions = {
  readonly providers: readonly Provider[];
  /** Name a client may use → `provider/model` or another name. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Model names the operator listed, by provider name: these are not asked for. */
  readonly listed: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds a provider's list is kept; a failed look-up is tried again after a tenth of it. */
  readonly keepMs: number;
  readonly now: () => number;
  readonly onError: (provider: string, error: unknown) => void;
};

type Entry = { models: readonly ModelInfo[]; at: number; failed: boolean; asking: Promise<void> | undefined };

const askTimeoutMs = 10_000;

export type Catalogue = {
  /** What the name means, without asking anyone when it can be told from the name. Throws `model_not_found`. */
  resolve(name: string): Target | Promise<Target>;
  /** Every model, in the order of the providers. */
  list(): Promise<readonly CatalogueModel[]>;
  readonly aliases: Readonly<Record<string, string>>;
  readonly providers: readonly Provider[];
};

export function createCatalogue(options: CatalogueOptions): Catalogue {
  const { providers, aliases, listed } = options;
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  const entries = new Map<string, Entry>();

  function modelsOf(provider: Provider): Promise<readonly ModelInfo[]> {
    const fixed = listed[provider.name];
    if (fixed && fixed.length > 0) return Promise.resolve(fixed.map((id) => ({ id })));
    let entry = entries.get(provider.name);
    if (!entry)
      entries.set(
        provider.name,
        (entry = { models: [], at: Number.NEGATIVE_INFINITY, failed: false, asking: undefined }),
      );
    const current = entry;
    const age = options.now() - current.at;
    if (age < (current.failed ? options.keepMs / 10 : options.keepMs)) return Promise.resolve(current.models);
    current.asking ??= provider
      .listModels(AbortSignal.timeout(askTimeoutMs))
      .then(
        (models) => Object.assign(current, { models, failed: false }),
        (error: unknown) => {
          current.failed = true;
          options.onError(provider.name, error);
        },
      )
      .then(() => {
        current.at = options.now();
        current.asking = undefined;
      });
    return current.asking.then(() => current.models);
  }

  /** Follows aliases to the end; a circle was refused when the configuration was read, and ends here all the same. */
  function unalias(name: string): string {
    let current = name;
    for (let step = 0; step < 10 && Object.hasOwn(aliases, current); step++) current = aliases[current]!;
    return current;
  }

  async function search(requested: string, name: string): Promise<Target> {
    const lists = await Promise.all(
      providers.map(async (provider) => ({ provider, models: await modelsOf(provider) })),
    );
    const found = lists.find(({ models }) => models.some((model) => model.id === name));
    if (found) return { provider: found.provider, model: name };
    throw notFound(
      requested,
      lists.flatMap(({ models }) => models.map((model) => model.id)),
    );
  }

  function notFound(name: string, known: readonly string[]): GatewayError {
    const near = known.find(
      (id) => id.toLowerCase().includes(name.toLowerCase()) || name.toLowerCase().includes(id.toLowerCase()),
    );
    const hint = near ? ` Did you mean '${near}'?` : " List the models with GET /v1/models.";
    return new GatewayError(
      "model_not_found",
      `The model '${name}' does not exist or no configured provider has it.${hint}`,
      { parameter: "model" },
    );
  }

  return {
    aliases,
    providers,
    resolve(requested) {
      const name = unalias(requested);
      const slash = name.indexOf("/");
      const prefixed = slash > 0 ? byName.get(name.slice(0, slash)) : undefined;
      if (prefixed) {
        const model = name.slice(slash + 1);
        if (prefixed.has?.(model) === false) return search(requested, name);
        return { provider: prefixed, model };
      }
      const fixed = providers.find((provider) => listed[provider.name]?.includes(name));
      if (fixed) return { provider: fixed, model: name };
      const claimed = providers.find((provider) => provider.claims(name));
      if (claimed) return { provider: claimed, model: name };
      return search(requested, name);
    },
    async list() {
      const lists = await Promise.all(
        providers.map(async (provider) => (await modelsOf(provider)).map((model) => ({ ...model, provider }))),
      );
      return lists.flat();
    },
  };
}
