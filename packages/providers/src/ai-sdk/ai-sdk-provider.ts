import { GatewayError, type StreamEvent } from "@trunkline/contracts";
import { createCollector, decodeEmbedRequest, encodeEmbedAnswer, restoreToolEvents } from "@trunkline/dialects";
import type { AnswerSink, Provider, ProviderCall, ProviderRequest } from "../provider.ts";
import { createPartDecoder, sdkError } from "./decode-part.ts";
import { encodeCall } from "./encode-call.ts";
import { loadModule } from "../shared/load-module.ts";
import { embeddingModel, languageModel, makeProvider } from "./load-model.ts";

export type AiSdkProviderOptions = {
  readonly name: string;
  readonly packageName: string;
  readonly factory?: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly family: string;
  readonly modulesFolder: string;
};

/** Any provider package of the AI SDK, versions 3 and 4 of its interface: the long tail of vendors. */
export async function createAiSdkProvider(options: AiSdkProviderOptions): Promise<Provider> {
  const { name, family } = options;
  const sdk = makeProvider(
    await loadModule(options.packageName, options.modulesFolder),
    options.packageName,
    options.factory,
    options.options,
  );

  async function generate(
    request: ProviderRequest,
    sink: AnswerSink,
    signal: AbortSignal,
    ready: () => Promise<void>,
  ): Promise<void> {
    const conversation = request.conversation();
    const { settings } = conversation;
    if ((settings.choices ?? 1) > 1)
      throw new GatewayError("unsupported_parameter", "`n` is not supported by AI SDK providers.", { parameter: "n" });
    if (settings.logprobs)
      throw new GatewayError("unsupported_parameter", "`logprobs` is not supported by AI SDK providers.", {
        parameter: "logprobs",
      });
    const model = languageModel(sdk, request.model);
    const call = encodeCall(conversation, family, model.specificationVersion !== "v4", signal);
    sink.degraded(call.degraded);
    const { stream } = await model.doStream(call.options);
    sink.status(200);
    const collector = request.stream ? undefined : createCollector();
    let failure: GatewayError | undefined;
    const emit = restoreToolEvents(call.toolNames, (event: StreamEvent) => {
      if (event.type === "error") failure ??= event.error;
      else if (collector) collector.add(event);
      else if (!failure) sink.event(event);
    });
    const decoder = createPartDecoder(family, emit);
    for await (const part of stream) {
      if (signal.aborted) return;
      decoder.part(part);
      await ready();
    }
    decoder.close();
    if (failure) throw failure;
    if (collector) sink.completion(collector.completion());
    sink.done();
  }

  async function embed(request: ProviderRequest, sink: AnswerSink, signal: AbortSignal): Promise<void> {
    const wanted = decodeEmbedRequest(request.dialect, request.body.whole(), request.batch);
    const model = embeddingModel(sdk, request.model);
    if (!model)
      throw new GatewayError("unsupported_parameter", `The provider '${name}' has no embeddings.`, {
        parameter: "model",
      });
    const result = await model.doEmbed({ values: [...wanted.inputs], abortSignal: signal });
    const answer = {
      vectors: result.embeddings,
      inputTokens: result.usage?.tokens ?? 0,
      estimated: result.usage === undefined,
    };
    sink.json(encodeEmbedAnswer(request.dialect, answer, wanted, request.requestedModel), {
      input: answer.inputTokens,
      estimated: answer.estimated,
    });
    sink.done();
  }

  return {
    name,
    kind: "ai-sdk",
    family,
    capabilities: {
      streamsDeltas: true,
      tools: "native",
      images: true,
      jsonSchema: true,
      samplingParameters: true,
      usage: "exact",
      sessions: false,
      quota: false,
      embeddings: true,
    },
    dialectFor: () => "ai-sdk",
    claims: () => false,
    supports: (operation) => operation !== "count-tokens",
    start(request, sink) {
      const running = new AbortController();
      const gate = createGate();
      const work =
        request.operation === "embed"
          ? embed(request, sink, running.signal)
          : generate(request, sink, running.signal, gate.ready);
      work.catch((error: unknown) => {
        if (!running.signal.aborted) sink.fail(sdkError(error));
      });
      return { cancel: () => running.abort(), ...gate.controls };
    },
    // The interface has no list: the operator names the models.
    listModels: async () => [],
    close: async () => {},
  };
}

/** Lets a loop wait while its reader is slow. */
function createGate(): { ready(): Promise<void>; controls: Pick<ProviderCall, "pause" | "resume"> } {
  let open: (() => void) | undefined;
  let waiting: Promise<void> | undefined;
  return {
    ready: () => waiting ?? Promise.resolve(),
    controls: {
      pause() {
        waiting ??= new Promise((resolve) => (open = resolve));
      },
      resume() {
        open?.();
        waiting = undefined;
      },
    },
  };
}
