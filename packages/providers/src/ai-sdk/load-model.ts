import type { EmbeddingModelV4, LanguageModelV4 } from "@ai-sdk/provider";
import { GatewayError } from "@trunkline/contracts";

/** An AI SDK provider as its package makes it: a function, an object, or both. */
export type SdkProvider = {
  languageModel?(id: string): LanguageModelV4;
  embeddingModel?(id: string): EmbeddingModelV4;
  textEmbeddingModel?(id: string): EmbeddingModelV4;
} & ((id: string) => LanguageModelV4);

/** Makes the provider with the named factory, or with the only export called `create…`. */
export function makeProvider(
  module: Record<string, unknown>,
  packageName: string,
  factory: string | undefined,
  options: Readonly<Record<string, unknown>>,
): SdkProvider {
  const candidates = Object.keys(module).filter(
    (name) => /^create[A-Z]/.test(name) && typeof module[name] === "function",
  );
  const name = factory ?? candidates[0];
  if (factory === undefined && candidates.length !== 1) {
    throw new GatewayError(
      "provider_unavailable",
      `The package '${packageName}' exports ${candidates.length} factories (${candidates.join(", ")}): name one as \`factory\`.`,
    );
  }
  const make = name === undefined ? undefined : module[name];
  if (typeof make !== "function")
    throw new GatewayError(
      "provider_unavailable",
      `The package '${packageName}' exports no function '${String(name)}'.`,
    );
  return (make as (options: unknown) => SdkProvider)(options);
}

const specifications: ReadonlySet<string> = new Set(["v3", "v4"]);

/** The model of that name. Throws `provider_unavailable` for a package of another generation of the specification. */
export function languageModel(provider: SdkProvider, id: string): LanguageModelV4 {
  const model = provider.languageModel ? provider.languageModel(id) : provider(id);
  if (!specifications.has(model.specificationVersion)) {
    throw new GatewayError(
      "provider_unavailable",
      `This package speaks specification ${String(model.specificationVersion)} of the AI SDK; v3 and v4 are understood. Install a newer version.`,
    );
  }
  return model;
}

export function embeddingModel(provider: SdkProvider, id: string): EmbeddingModelV4 | undefined {
  return (provider.embeddingModel ?? provider.textEmbeddingModel)?.(id);
}
