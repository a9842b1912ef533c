import { GatewayError, type Conversation, type DialectName, type Operation } from "@trunkline/contracts";
import { dialects, type TargetTraits } from "@trunkline/dialects";
import type { ClientRequest, ClientTimeouts, HttpClient } from "../http1/client.ts";
import { fetchText } from "../http1/fetch-text.ts";
import type { Provider, ProviderCall, ProviderRequest } from "../provider.ts";
import type { GuardedFetch } from "../shared/guarded-fetch.ts";
import { hasRemoteMedia, inlineMedia } from "../shared/inline-media.ts";
import { createLateCall } from "../shared/late-call.ts";
import { needsAdapting } from "./adapt.ts";
import { authHeader, pathOf, requiredHeaders } from "./endpoints.ts";
import { listModels } from "./list-models.ts";
import { presetOf, traitsOf, type PresetName } from "./presets.ts";
import { sendCount, sendEmbeddings } from "./send-aside.ts";
import { failureOf, sendThrough, sendTranslated } from "./send-generate.ts";
import { connectTo, defaultTimeouts, transportError } from "./transport.ts";

export type HttpProviderOptions = {
  readonly name: string;
  readonly preset: PresetName;
  /** Replaces the preset's. */
  readonly baseUrl?: string;
  readonly apiKey?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeouts?: Partial<ClientTimeouts>;
  /** Replaces the preset's dialects. */
  readonly dialects?: readonly DialectName[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly guardedFetch: GuardedFetch;
  /** Replaces connections of our own: signed requests, or a worker that makes them. */
  readonly connect?: (origin: URL, timeouts: ClientTimeouts) => Promise<HttpClient>;
  /** Takes credentials that are not `apiKey` out of what an upstream says. */
  readonly conceal?: (text: string) => string;
};

/** What the parts of this kind share about one configured provider. */
export type HttpTarget = {
  readonly name: string;
  readonly traits: TargetTraits;
  readonly client: HttpClient;
  /** Takes the operator's credential out of what an upstream says: vendors quote a wrong key back. */
  conceal(text: string): string;
  wireRequest(
    dialect: DialectName,
    operation: Operation,
    request: ProviderRequest,
    body: Buffer | string,
  ): ClientRequest;
};

/** A vendor's HTTP API, or anything that speaks one of the four dialects. */
export async function createHttpProvider(options: HttpProviderOptions): Promise<Provider> {
  const preset = presetOf(options.preset);
  const traits = traitsOf(preset);
  const base = new URL((options.baseUrl ?? preset.baseUrl ?? missing(options.name)).replace(/\/+$/, ""));
  const basePath = base.pathname === "/" ? "" : base.pathname;
  const spoken = options.dialects ?? preset.dialects;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const client = await (options.connect?.(base, timeouts) ?? connectTo(base, timeouts, options.environment));
  const { apiKey = "" } = options;
  const ownHeaders = { ...authHeader(preset.auth, options.apiKey), ...options.headers };

  const prepared = new Map<string, Readonly<Record<string, string>>>();

  /** The same object for the same headers, so that they are written out once. */
  function headersFor(dialect: DialectName, stream: boolean, fromClient: Readonly<Record<string, string>>) {
    const make = () => ({
      "content-type": "application/json",
      accept: stream ? "text/event-stream" : "application/json",
      "accept-encoding": "identity",
      ...requiredHeaders[dialect],
      ...fromClient,
      ...ownHeaders,
    });
    if (Object.keys(fromClient).length > 0) return make();
    const kind = stream ? `${dialect} stream` : dialect;
    let headers = prepared.get(kind);
    if (!headers) prepared.set(kind, (headers = make()));
    return headers;
  }

  const target: HttpTarget = {
    name: options.name,
    traits,
    client,
    conceal: options.conceal ?? ((text) => (apiKey === "" ? text : text.replaceAll(apiKey, "[redacted]"))),
    wireRequest(dialect, operation, request, body) {
      const path = pathOf(dialect, operation, request);
      return {
        path: basePath + path!,
        method: "POST",
        headers: headersFor(dialect, request.stream, dialect === request.dialect ? request.headers : noHeaders),
        body,
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
      !request.asEvents &&
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
      sessions: false,
      quota: false,
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
        path: `${basePath}/models`,
        dialect: spoken[0]!,
        headers: { ...requiredHeaders[spoken[0]!], ...ownHeaders },
        signal,
      }),
    async forward(method, path) {
      try {
        const { status, headers, text } = await fetchText(client, {
          method,
          path: basePath + path,
          headers: ownHeaders,
        });
        if (status >= 300) throw failureOf(target, "openai-responses", status, headers, text);
        return text;
      } catch (error) {
        throw transportError(error, options.name);
      }
    },
    close: async () => client.close(),
  };
}

const noHeaders: Readonly<Record<string, string>> = {};

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
  const call = createLateCall(() => preparing.abort());
  prepare(preparing.signal).then(
    (value) => {
      try {
        call.begin(() => begin(value));
      } catch (error) {
        fail(error as GatewayError);
      }
    },
    (error: GatewayError) => {
      if (!call.isCancelled) fail(error);
    },
  );
  return call;
}
