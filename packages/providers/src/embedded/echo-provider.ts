import { createHash } from "node:crypto";
import { GatewayError, toGatewayError, type StreamEvent } from "@trunkline/contracts";
import { createCollector, decodeEmbedRequest, encodeEmbedAnswer } from "@trunkline/dialects";
import type { AnswerSink, Provider, ProviderCall, ProviderRequest } from "../provider.ts";
import { failureFor, roughTokens, scriptFor } from "./echo-script.ts";

const dimensions = 64;

/** Words hashed into a few buckets: texts that share words get near vectors, and the same text always the same one. */
function embed(text: string, size: number): number[] {
  const vector = Array.from({ length: size }, () => 0);
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
    const hash = createHash("sha256").update(word).digest();
    vector[hash.readUInt32LE(0) % size]! += hash[4]! % 2 === 0 ? 1 : -1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/**
 * `trunkline/echo`: streams back what it was sent, without a key or a network. It is no model and says so; it is for trying a client,
 * a limit or a budget offline.
 */
export function createEchoProvider(): Provider {
  return {
    name: "trunkline",
    kind: "embedded",
    family: "trunkline",
    capabilities: {
      streamsDeltas: true,
      tools: "native",
      images: true,
      jsonSchema: true,
      samplingParameters: false,
      usage: "estimated",
      sessions: false,
      quota: false,
      embeddings: true,
    },
    dialectFor: () => "embedded",
    claims: (model) => model === "echo",
    has: (model) => model === "echo",
    supports: (operation) => operation !== "count-tokens",
    start: (request, sink) =>
      request.operation === "embed" ? startEmbedding(request, sink) : startScript(request, sink),
    listModels: async () => [
      {
        id: "echo",
        displayName: "Echo (no model: repeats its input)",
        inputTokenLimit: 1_000_000,
        outputTokenLimit: 100_000,
      },
    ],
    close: async () => {},
  };
}

/** Nothing is said before `start` has returned: callers keep the call it gives them. */
function startEmbedding(request: ProviderRequest, sink: AnswerSink): ProviderCall {
  return play(() => {
    const wanted = decodeEmbedRequest(request.dialect, request.body.whole(), request.batch);
    const vectors = wanted.inputs.map((text) => embed(text, wanted.dimensions ?? dimensions));
    const inputTokens = wanted.inputs.reduce((sum, text) => sum + roughTokens(text), 0);
    sink.json(
      encodeEmbedAnswer(request.dialect, { vectors, inputTokens, estimated: true }, wanted, request.requestedModel),
      { input: inputTokens, estimated: true },
    );
    sink.done();
  }, sink);
}

function startScript(request: ProviderRequest, sink: AnswerSink): ProviderCall {
  let timer: NodeJS.Timeout | undefined;
  let paused = false;
  let next: (() => void) | undefined;
  let cancelled = false;

  const begin = play(() => {
    const { directives, events } = scriptFor(request.conversation(), request.model);
    if (directives.status !== undefined) {
      timer = setTimeout(() => sink.fail(failureFor(directives.status!)), directives.delay);
      return;
    }
    sink.status(200);
    if (request.stream) stream(events, directives.delay);
    else timer = setTimeout(() => whole(events), directives.delay);
  }, sink);

  function whole(events: readonly StreamEvent[]): void {
    const collector = createCollector();
    for (const event of events) collector.add(event);
    if (events.at(-1)?.type !== "end")
      return sink.fail(new GatewayError("upstream_ended_early", "The echo was asked to end early."));
    sink.completion(collector.completion());
    sink.done();
  }

  function stream(events: readonly StreamEvent[], delay: number): void {
    let at = 0;
    const step = () => {
      if (paused) {
        next = step;
        return;
      }
      while (at < events.length && !cancelled) {
        const event = events[at++]!;
        sink.event(event);
        if (paused) {
          next = step;
          return;
        }
        if (delay > 0 && event.type.endsWith("-delta")) {
          timer = setTimeout(step, delay);
          return;
        }
      }
      if (cancelled) return;
      if (events.at(-1)?.type === "end") sink.done();
      else sink.fail(new GatewayError("upstream_ended_early", "The echo was asked to end early."));
    };
    step();
  }

  return {
    cancel() {
      cancelled = true;
      clearTimeout(timer);
      begin.cancel();
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      const step = next;
      next = undefined;
      step?.();
    },
  };
}

function play(run: () => void, sink: AnswerSink): ProviderCall {
  let cancelled = false;
  queueMicrotask(() => {
    if (cancelled) return;
    try {
      run();
    } catch (error) {
      sink.fail(toGatewayError(error));
    }
  });
  return {
    cancel() {
      cancelled = true;
    },
    pause() {},
    resume() {},
  };
}
