import { GatewayError, newId, usageOf, type Conversation, type Message, type StreamEvent } from "@trunkline/contracts";
import { createCollector, decodeEmbedRequest, encodeEmbedAnswer } from "@trunkline/dialects";
import type { AnswerSink, Provider, ProviderRequest } from "../provider.ts";
import { loadLlama, type HistoryItem, type LoadedModel } from "./load-llama.ts";

export type LlamaFileProviderOptions = {
  readonly name: string;
  readonly path: string;
  readonly modulesFolder: string;
  readonly contextSize?: number;
  readonly threads?: number;
};

/** A GGUF file on this machine through node-llama-cpp. Loaded at the first request; one answer at a time, the others wait. */
export function createLlamaFileProvider(options: LlamaFileProviderOptions): Provider {
  const { name } = options;
  const modelName = options.path
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.gguf$/i, "");
  let loading: Promise<LoadedModel> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function load(): Promise<LoadedModel> {
    loading ??= loadLlama(options).catch((error: unknown) => {
      // The next request tries again: the operator may have installed what was missing.
      loading = undefined;
      throw error;
    });
    return loading;
  }

  /** Waits for those before. A request that was cancelled meanwhile gives its turn away. */
  function inTurn(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const turn = last.then(() => (signal.aborted ? undefined : work()));
    last = turn.catch(() => {});
    return turn;
  }

  async function generate(request: ProviderRequest, sink: AnswerSink, signal: AbortSignal): Promise<void> {
    const conversation = request.conversation();
    const { history, prompt } = readConversation(conversation, sink);
    const { module, llama, sequence } = await load();
    const { settings } = conversation;
    const format = settings.responseFormat;
    const grammar = format?.type === "json-schema" ? await llama.createGrammarForJsonSchema(format.schema) : undefined;
    const collector = request.stream ? undefined : createCollector();
    const emit = (event: StreamEvent) => (collector ? collector.add(event) : sink.event(event));
    await sequence.clearHistory();
    const session = new module.LlamaChatSession({ contextSequence: sequence });
    try {
      session.setChatHistory(history);
      sink.status(200);
      emit({ type: "start", id: newId("llama_"), model: modelName, created: 0 });
      emit({ type: "text-start", choice: 0, id: "answer" });
      const before = sequence.tokenMeter.getState();
      const { stopReason } = await session.promptWithMeta(prompt, {
        signal,
        stopOnAbortSignal: true,
        onTextChunk: (text) => {
          if (text !== "" && !signal.aborted) emit({ type: "text-delta", choice: 0, id: "answer", text });
        },
        ...(settings.maxOutputTokens === undefined ? {} : { maxTokens: settings.maxOutputTokens }),
        ...(settings.temperature === undefined ? {} : { temperature: settings.temperature }),
        ...(settings.topP === undefined ? {} : { topP: settings.topP }),
        ...(settings.topK === undefined ? {} : { topK: settings.topK }),
        ...(settings.seed === undefined ? {} : { seed: settings.seed }),
        ...(settings.stop === undefined ? {} : { customStopTriggers: [...settings.stop] }),
        ...(grammar === undefined ? {} : { grammar }),
      });
      if (signal.aborted) return;
      const { usedInputTokens, usedOutputTokens } = sequence.tokenMeter.diff(before);
      emit({ type: "text-end", choice: 0, id: "answer" });
      emit({
        type: "finish",
        choice: 0,
        finish: {
          reason: stopReason === "maxTokens" ? "length" : stopReason === "customStopTrigger" ? "stop-sequence" : "stop",
          native: stopReason,
        },
      });
      emit({ type: "usage", usage: usageOf({ inputTokens: usedInputTokens, outputTokens: usedOutputTokens }) });
      emit({ type: "end" });
      if (collector) sink.completion(collector.completion());
      sink.done();
    } finally {
      session.dispose({ disposeSequence: false });
    }
  }

  async function embed(request: ProviderRequest, sink: AnswerSink): Promise<void> {
    const wanted = decodeEmbedRequest(request.dialect, request.body.whole(), request.batch);
    const { model } = await load();
    const context = await model.createEmbeddingContext();
    const vectors: (readonly number[])[] = [];
    let inputTokens = 0;
    for (const text of wanted.inputs) {
      vectors.push((await context.getEmbeddingFor(text)).vector);
      inputTokens += model.tokenize(text).length;
    }
    sink.json(
      encodeEmbedAnswer(request.dialect, { vectors, inputTokens, estimated: false }, wanted, request.requestedModel),
      { input: inputTokens, estimated: false },
    );
    sink.done();
  }

  return {
    name,
    kind: "llama-file",
    family: "llama-file",
    capabilities: {
      streamsDeltas: true,
      tools: "none",
      images: false,
      jsonSchema: true,
      samplingParameters: true,
      usage: "exact",
      sessions: false,
      quota: false,
      embeddings: true,
    },
    dialectFor: () => "llama-file",
    claims: () => false,
    supports: (operation) => operation !== "count-tokens",
    start(request, sink) {
      const running = new AbortController();
      inTurn(running.signal, () =>
        request.operation === "embed" ? embed(request, sink) : generate(request, sink, running.signal),
      ).catch((error: unknown) => {
        if (running.signal.aborted) return;
        sink.fail(
          error instanceof GatewayError
            ? error
            : new GatewayError("upstream_error", `The model file failed: ${(error as Error).message}`, {
                cause: error,
              }),
        );
      });
      // A local model makes at most a few hundred tokens a second: what a slow reader leaves waiting is small.
      return { cancel: () => running.abort(), pause: () => {}, resume: () => {} };
    },
    listModels: async () => [{ id: modelName }],
    async close() {
      const loaded = await loading?.catch(() => undefined);
      await last;
      await loaded?.llama.dispose();
    },
  };
}

function textOf(message: Message): string {
  return message.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
}

/** The session's history and the last turn's text. Throws `unsupported_parameter` for what a bare model file cannot do. */
function readConversation(conversation: Conversation, sink: AnswerSink): { history: HistoryItem[]; prompt: string } {
  const refuse = (parameter: string): never => {
    throw new GatewayError("unsupported_parameter", `\`${parameter}\` is not supported by model files.`, { parameter });
  };
  if (conversation.tools.length > 0 && conversation.toolChoice?.mode !== "none") refuse("tools");
  if ((conversation.settings.choices ?? 1) > 1) refuse("n");
  if (conversation.settings.logprobs) refuse("logprobs");
  if (conversation.messages.some((message) => message.content.some((part) => part.type === "file")))
    refuse("messages.files");
  const degraded = [
    ...conversation.unknown,
    ...["frequencyPenalty", "presencePenalty", "logitBias", "reasoning"].filter(
      (name) => name in conversation.settings,
    ),
  ];
  if (degraded.length > 0) sink.degraded(degraded);
  const items = conversation.messages.map((message): HistoryItem => {
    if (message.role === "assistant") return { type: "model", response: [textOf(message)] };
    return { type: message.role === "user" || message.role === "tool" ? "user" : "system", text: textOf(message) };
  });
  const lastItem = items.at(-1);
  if (lastItem?.type !== "user") return { history: items, prompt: "" };
  return { history: items.slice(0, -1), prompt: lastItem.text };
}
