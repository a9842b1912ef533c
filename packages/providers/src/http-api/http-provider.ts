import { GatewayError, type Conversation, type DialectName, type Operation } from "@trunkline/contracts";
import { dialects, type TargetTraits } from "@trunkline/dialects";
import { request, type Dispatcher } from "undici";
import type { Provider, ProviderCall, ProviderRequest } from "../provider.ts";
import type { GuardedFetch } from "../shared/guarded-fetch.ts";
import { hasRemoteMedia, inlineMedia } from "../shared/inline-media.ts";
import { needsAdapting } from "./adapt.ts";
import { authHeader, pathOf, requiredHeaders } from "./endpoints.ts";
import { listModels } from "./list-models.ts";
import { presetOf, traitsOf, type PresetName } from "./presets.ts";
import type { WireRequest } from "./send.ts";
import { sendCount, sendEmbeddings } from "./send-aside.ts";
import { failureOf, sendThrough, sendTranslated } from "./send-generate.ts";
import { createTransport, defaultTimeouts, transportError, type Timeouts } from "./transport.ts";

export type HttpProviderOptions = {
  readonly name: string;
  readonly preset: PresetName;
  /** Replaces the preset's. */
  readonly baseUrl?: string;
  readonly apiKey?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeouts?: Partial<Timeouts>;
  /** Replaces the preset's dialects. */
  readonly dialects?: readonly DialectName[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly guardedFetch: GuardedFetch;
};

/** What the parts of this kind share about one configured provider. */
export type HttpTarget = {
  readonly name: string;
  readonly traits: TargetTraits;
  readonly dispatcher: Dispatcher;
  /** The operator's API key, which no message may hold; empty when there is none. */
  readonly secret: string;
  wireRequest(dialect: DialectName, operation: Operation, request: ProviderRequest, body: Buffer | string): WireRequest;
};

/** A vendor's HTTP API, or anything that speaks one of the four dialects. */
export function createHttpProvider(options: HttpProviderOptions): Provider {
  const preset = presetOf(options.preset);
  const traits = traitsOf(preset);
  const base = new URL((options.baseUrl ?? preset.baseUrl ?? missing(options.name)).replace(/\/+$/, ""));
  const basePath = base.pathname === "/" ? "" : base.pathname;
  const spoken = options.dialects ?? preset.dialects;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const transport = createTransport(timeouts, options.environment);
  const ownHeaders = { ...authHeader(preset.auth, options.apiKey), ...options.headers };

  const target: HttpTarget = {
    name: options.name,
    traits,
    dispatcher: transport.dispatcher,
    secret: options.apiKey ?? "",
    wireRequest(dialect, operation, request, body) {
      const path = pathOf(dialect, operation, request);
      return {
        origin: base.origin,
        path: basePath + path!,
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: request.stream ? "text/event-stream" : "application/json",
          "accept-encoding": "identity",
          ...requiredHeaders[dialect],
          ...(dialect === request.dialect ? request.headers : {}),
          ...ownHeaders,
        },
        body,
        totalTimeout: timeouts.total,
      };
    },
  };

  function speaks(dialect: DialectName, operation: Operation): boolean {
    return (
      spoken.includes(dialect) && pathOf(dialect, operation, { model: "", stream: false, batch: false }) !== undefined
    );
  }

  function chosen(dialect: DialectName, operation: Operation): DialectName | undefined {
    if (speaks(dialect, operation)) return dialect;
    return spoken.find((other) => speaks(other, operation));
  }

  /** Of the dialects a vendor speaks, the one that loses the least of a foreign request. */
  function encode(conversation: Conversation, model: string) {
    let best:
      | { dialect: DialectName; encoded: ReturnType<(typeof dialects)[DialectName]["encodeRequest"]> }
      | undefined;
    let refused: unknown;
    for (const dialect of spoken) {
      try {
        const encoded = dialects[dialect].encodeRequest(conversation, model, traits);
        if (!best || encoded.degraded.length < best.encoded.degraded.length) best = { dialect, encoded };
        if (encoded.degraded.length === 0) break;
      } catch (error) {
        refused = error;
      }
    }
    if (!best) throw refused;
    return best;
  }

  function generate(request: ProviderRequest, sink: Parameters<Provider["start"]>[1]): ProviderCall {
    if (
      speaks(request.dialect, "generate") &&
      !(request.dialect === "openai-chat" && needsAdapting(request.body, traits))
    ) {
      return sendThrough(target, request, sink);
    }
    const conversation = { ...request.conversation(), stream: request.stream };
    const begin = (ready: Conversation) => {
      const { dialect, encoded } = encode(ready, request.model);
      sink.degraded(encoded.degraded);
      return sendTranslated(target, dialect, request, encoded, sink);
    };
    if (traits.mediaByUrl || !hasRemoteMedia(conversation)) return begin(conversation);
    return afterwards(
      (signal) => inlineMedia(conversation, options.guardedFetch, signal),
      begin,
      (error) => sink.fail(error),
    );
  }

  return {
    name: options.name,
    kind: "http-api",
    family: traits.family,
    capabilities: {
      streamsDeltas: true,
      tools: traits.refuses.includes("tools") ? "none" : "native",
      images: true,
      jsonSchema: traits.jsonOutput === "schema",
      samplingParameters: true,
      usage: "exact",
      embeddings: preset.embeddings,
    },
    dialectFor: (dialect, operation) => chosen(dialect, operation) ?? spoken[0]!,
    claims: (model) => preset.claims?.test(model) ?? false,
    supports: (operation, dialect) =>
      operation === "embed"
        ? preset.embeddings && chosen(dialect, "embed") !== undefined
        : chosen(dialect, operation) !== undefined,
    start(request, sink) {
      if (request.operation === "generate") return generate(request, sink);
      const dialect = chosen(request.dialect, request.operation)!;
      if (dialect === request.dialect) return sendThrough(target, request, sink);
      return request.operation === "embed"
        ? sendEmbeddings(target, dialect, request, sink)
        : sendCount(target, dialect, request, sink);
    },
    listModels: (signal) =>
      listModels(target, {
        url: `${base.origin}${basePath}/models`,
        dialect: spoken[0]!,
        headers: { ...requiredHeaders[spoken[0]!], ...ownHeaders },
        signal,
      }),
    async forward(method, path) {
      try {
        const answer = await request(`${base.origin}${basePath}${path}`, {
          method,
          headers: ownHeaders,
          dispatcher: transport.dispatcher,
        });
        const body = await answer.body.text();
        if (answer.statusCode >= 300)
          throw failureOf(target, "openai-responses", answer.statusCode, answer.headers, body);
        return body;
      } catch (error) {
        throw transportError(error, options.name);
      }
    },
    close: transport.close,
  };
}

function missing(name: string): never {
  throw new GatewayError("provider_unavailable", `The provider '${name}' needs a base_url.`);
}

/** A call that begins once something has been prepared, and can be cancelled before. */
function afterwards<T>(
  prepare: (signal: AbortSignal) => Promise<T>,
  begin: (value: T) => ProviderCall,
  fail: (error: GatewayError) => void,
): ProviderCall {
  const preparing = new AbortController();
  let call: ProviderCall | undefined;
  prepare(preparing.signal).then(
    (value) => {
      if (preparing.signal.aborted) return;
      try {
        call = begin(value);
      } catch (error) {
        fail(error as GatewayError);
      }
    },
    (error: GatewayError) => {
      if (!preparing.signal.aborted) fail(error);
    },
  );
  return {
    cancel() {
      preparing.abort();
      call?.cancel();
    },
    pause: () => call?.pause(),
    resume: () => call?.resume(),
  };
}
