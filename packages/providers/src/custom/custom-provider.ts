import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  GatewayError,
  isObject,
  newId,
  toGatewayError,
  usageOf,
  type ErrorCode,
  type FinishReason,
  type Message,
  type StreamEvent,
  type Usage,
} from "@trunkline/contracts";
import { createCollector } from "@trunkline/dialects";
import type { AnswerSink, Provider, ProviderRequest } from "../provider.ts";
import { codeByStatus } from "../shared/code-by-status.ts";
import type { CustomPiece, CustomProvider, CustomProviderFactory, CustomRequest } from "./contract.ts";

export type CustomProviderOptions = {
  readonly name: string;
  /** The module's file; relative to `folder`. */
  readonly path: string;
  readonly folder: string;
  readonly options: Readonly<Record<string, unknown>>;
};

const charactersPerToken = 4;

/** Loads the operator's own module as a provider. Throws `provider_unavailable` with what is wrong with it. */
export async function createCustomProvider({ name, path, folder, options }: CustomProviderOptions): Promise<Provider> {
  const file = resolve(folder, path);
  const unavailable = (problem: string, cause?: unknown) =>
    new GatewayError(
      "provider_unavailable",
      `The provider '${name}': ${problem}`,
      cause === undefined ? {} : { cause },
    );
  let custom: CustomProvider;
  try {
    const module = (await import(pathToFileURL(file).href)) as { createProvider?: CustomProviderFactory };
    if (typeof module.createProvider !== "function")
      throw unavailable(`${file} does not export a function named \`createProvider\`.`);
    custom = await module.createProvider(options);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw unavailable(`${file} could not be loaded: ${(error as Error).message}`, error);
  }
  if (typeof custom?.generate !== "function") throw unavailable(`what ${file} makes has no \`generate\`.`);
  const { can = {}, family = "custom" } = custom;
  const list = async () => (typeof custom.models === "function" ? custom.models() : custom.models);

  return {
    name,
    kind: "custom",
    family,
    capabilities: {
      streamsDeltas: true,
      tools: can.tools ? "native" : "none",
      images: can.images ?? false,
      jsonSchema: can.jsonSchema ?? false,
      samplingParameters: true,
      usage: "exact",
      sessions: false,
      quota: false,
      embeddings: false,
    },
    dialectFor: () => "custom",
    claims: () => false,
    supports: (operation) => operation === "generate",
    listModels: async () => (await list()).map((id) => ({ id })),
    start(request, sink) {
      const leaving = new AbortController();
      answer(custom, request, sink, leaving.signal).catch((error: unknown) => {
        if (!leaving.signal.aborted) sink.fail(failureOf(error, name));
      });
      return { cancel: () => leaving.abort(), pause() {}, resume() {} };
    },
    close: async () => {},
  };
}

function requestOf(request: ProviderRequest, signal: AbortSignal): CustomRequest {
  const conversation = request.conversation();
  const textOf = (content: Message["content"]) =>
    content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
  const messages = conversation.messages.flatMap(({ role, content }): CustomRequest["messages"][number][] =>
    role === "user" || role === "assistant" ? [{ role, text: textOf(content) }] : [],
  );
  const system = conversation.messages.flatMap(({ role, content }) =>
    role === "user" || role === "assistant" || role === "tool" ? [] : [textOf(content)],
  );
  return {
    requestId: request.id,
    model: request.model,
    system: system.join("\n\n"),
    messages,
    conversation,
    maxTokens: conversation.settings.maxOutputTokens,
    temperature: conversation.settings.temperature,
    signal,
  };
}

async function answer(
  custom: CustomProvider,
  request: ProviderRequest,
  sink: AnswerSink,
  signal: AbortSignal,
): Promise<void> {
  const asked = requestOf(request, signal);
  refuseWhatItCannot(custom, asked, sink);
  const collector = request.stream ? undefined : createCollector();
  const emit = (event: StreamEvent) => (collector ? collector.add(event) : sink.event(event));
  emit({ type: "start", id: newId("custom_"), model: request.model, created: Math.floor(Date.now() / 1000) });
  const written = await writePieces(custom.generate(asked), emit, signal);
  if (signal.aborted) return;
  const inputTokens = Math.ceil(JSON.stringify(asked.messages).length / charactersPerToken);
  const estimate = { inputTokens, outputTokens: Math.ceil(written.characters / charactersPerToken), estimated: true };
  emit({ type: "finish", choice: 0, finish: { reason: written.finish } });
  emit({ type: "usage", usage: written.usage ?? usageOf(estimate) });
  emit({ type: "end" });
  if (collector) sink.completion(collector.completion());
  sink.done();
}

function refuseWhatItCannot({ can = {} }: CustomProvider, { conversation }: CustomRequest, sink: AnswerSink): void {
  const { tools, messages, settings } = conversation;
  if (tools.length > 0 && !can.tools)
    throw new GatewayError("unsupported_parameter", "This model cannot use tools.", { parameter: "tools" });
  if (settings.responseFormat?.type === "json-schema" && !can.jsonSchema)
    throw new GatewayError("unsupported_parameter", "This model cannot keep to a JSON schema.", {
      parameter: "response_format",
    });
  const hasFiles = messages.some(({ content }) => content.some(({ type }) => type === "file"));
  if (hasFiles && !can.images) sink.degraded(["messages.file"]);
}

type Written = { characters: number; usage: Usage | undefined; finish: FinishReason };

/** Text and thoughts are blocks of their own: one ends when the other begins. */
async function writePieces(
  pieces: AsyncIterable<CustomPiece>,
  emit: (event: StreamEvent) => void,
  signal: AbortSignal,
): Promise<Written> {
  const written: Written = { characters: 0, usage: undefined, finish: "stop" };
  let open: "text" | "reasoning" | undefined;
  let block = 0;
  const switchTo = (wanted: typeof open) => {
    if (open === wanted) return;
    if (open) emit({ type: `${open}-end`, choice: 0, id: String(block) });
    open = wanted;
    if (open) emit({ type: `${open}-start`, choice: 0, id: String(++block) });
  };
  const write = (kind: "text" | "reasoning", text: string) => {
    if (text === "") return;
    switchTo(kind);
    written.characters += text.length;
    emit({ type: `${kind}-delta`, choice: 0, id: String(block), text });
  };
  for await (const piece of pieces) {
    if (signal.aborted) break;
    if (typeof piece === "string") write("text", piece);
    else if ("reasoning" in piece) write("reasoning", piece.reasoning);
    else if ("usage" in piece) written.usage = usageOf(piece.usage);
    else if ("finish" in piece) written.finish = piece.finish;
    else if ("toolCall" in piece) {
      switchTo(undefined);
      const { id = newId("call_"), name, input } = piece.toolCall;
      const delta = typeof input === "string" ? input : JSON.stringify(input ?? {});
      emit({ type: "tool-input-start", choice: 0, id, name, kind: "function" });
      emit({ type: "tool-input-delta", choice: 0, id, delta });
      emit({ type: "tool-input-end", choice: 0, id });
      written.characters += delta.length;
      written.finish = "tool-calls";
    } else
      throw new GatewayError(
        "upstream_bad_response",
        "The provider's module gave a piece that is none of those it may.",
      );
  }
  switchTo(undefined);
  return written;
}

const codes: Readonly<Record<number, ErrorCode>> = { ...codeByStatus, 402: "upstream_quota_exceeded" };

/** What a module throws: with a `status` it says what sort of failure it was, and with `retryAfterMs` when to come again. */
function failureOf(error: unknown, name: string): GatewayError {
  if (error instanceof GatewayError) return error;
  if (!(error instanceof Error)) return toGatewayError(error);
  const { status, retryAfterMs } = error as { status?: unknown; retryAfterMs?: unknown };
  const code = typeof status === "number" ? (codes[status] ?? "upstream_error") : "upstream_error";
  const details = isObject(error) && typeof retryAfterMs === "number" ? { retryAfterMs } : {};
  return new GatewayError(code, `The provider '${name}' failed: ${error.message}`, { ...details, cause: error });
}
