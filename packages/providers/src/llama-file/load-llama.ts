import { GatewayError } from "@trunkline/contracts";
import { loadModule } from "../shared/load-module.ts";

/** The part of node-llama-cpp this provider uses; the package is the operator's to install and is typed here so that it need not be. */
export type LlamaModule = {
  getLlama(options: { gpu: false; build: "never"; logLevel: "error"; maxThreads?: number }): Promise<Llama>;
  LlamaChatSession: new (options: { contextSequence: LlamaSequence; systemPrompt?: string }) => LlamaSession;
};

export type Llama = {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>;
  createGrammarForJsonSchema(schema: object): Promise<LlamaGrammar>;
  dispose(): Promise<void>;
};

export type LlamaGrammar = { readonly grammar: string };

export type LlamaModel = {
  readonly trainContextSize: number;
  createContext(options: { contextSize: number }): Promise<{ getSequence(): LlamaSequence }>;
  createEmbeddingContext(): Promise<{ getEmbeddingFor(text: string): Promise<{ vector: readonly number[] }> }>;
  tokenize(text: string): readonly number[];
};

export type LlamaSequence = {
  readonly tokenMeter: {
    getState(): object;
    diff(before: object): { usedInputTokens: number; usedOutputTokens: number };
  };
  clearHistory(): Promise<void>;
};

export type HistoryItem = { type: "system" | "user"; text: string } | { type: "model"; response: string[] };

export type LlamaSession = {
  setChatHistory(history: HistoryItem[]): void;
  promptWithMeta(
    text: string,
    options: {
      onTextChunk(text: string): void;
      signal: AbortSignal;
      stopOnAbortSignal: true;
      maxTokens?: number;
      temperature?: number;
      topP?: number;
      topK?: number;
      seed?: number;
      customStopTriggers?: string[];
      grammar?: LlamaGrammar;
    },
  ): Promise<{ responseText: string; stopReason: string }>;
  dispose(options: { disposeSequence: boolean }): void;
};

export type LoadedModel = {
  readonly module: LlamaModule;
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly sequence: LlamaSequence;
};

const largestContext = 8192;

/** Loads library and file. Throws `provider_unavailable` when either cannot be. */
export async function loadLlama(options: {
  path: string;
  modulesFolder: string;
  contextSize?: number;
  threads?: number;
}): Promise<LoadedModel> {
  const module = (await loadModule("node-llama-cpp", options.modulesFolder)) as unknown as LlamaModule;
  try {
    const llama = await module.getLlama({
      gpu: false,
      build: "never",
      logLevel: "error",
      ...(options.threads === undefined ? {} : { maxThreads: options.threads }),
    });
    const model = await llama.loadModel({ modelPath: options.path });
    const contextSize = options.contextSize ?? Math.min(model.trainContextSize, largestContext);
    const sequence = (await model.createContext({ contextSize })).getSequence();
    return { module, llama, model, sequence };
  } catch (error) {
    throw new GatewayError(
      "provider_unavailable",
      `The model file ${options.path} could not be loaded: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
