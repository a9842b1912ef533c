import {
  asObject,
  GatewayError,
  parseJsonObject,
  toGatewayError,
  type DialectName,
  type JsonObject,
  type JsonValue,
} from "@trunkline/contracts";
import {
  createSseParser,
  dialects,
  restoreToolCalls,
  restoreToolEvents,
  type EncodedRequest,
} from "@trunkline/dialects";
import { gather } from "../http1/gather.ts";
import type { ResponseHeaders } from "../http1/response-parser.ts";
import type { AnswerSink, ProviderCall, ProviderRequest } from "../provider.ts";
import type { HttpTarget } from "./http-provider.ts";
import { retryAfterMs } from "./retry-after.ts";

import { transportError } from "./transport.ts";

/** Longest error body read, and longest whole answer translated, in bytes. */
const errorLimit = 256 * 1024;
const answerLimit = 128 * 1024 * 1024;

/** An upstream's error answer as one of ours, its own body kept for clients of the same dialect. */
export function failureOf(
  target: HttpTarget,
  dialect: DialectName,
  status: number,
  headers: ResponseHeaders,
  body: string,
): GatewayError {
  const clean = target.conceal(body);
  const error = dialects[dialect].decodeError({ status, retryAfterMs: retryAfterMs(headers, Date.now()), body: clean });
  const message = error.message.replace("The provider", `The provider '${target.name}'`);
  // The gateway's own credential is no business of the client: those answers are not passed on.
  const isOurs = error.code === "upstream_auth_failed" || error.code === "upstream_quota_exceeded";
  const native = isOurs || parseJsonObject(clean) === undefined ? undefined : { dialect, status, body: clean };
  return new GatewayError(error.code, message, { ...error.details, ...(native ? { native } : {}) });
}

function isEncoded(headers: ResponseHeaders): boolean {
  const encoding = headers["content-encoding"];
  return encoding !== undefined && encoding !== "identity";
}

/** The client's dialect is the upstream's: its bytes go out as they came but for the model's name and the wish for usage. */
export function sendThrough(target: HttpTarget, request: ProviderRequest, sink: AnswerSink): ProviderCall {
  return run(target, request.dialect, request, throughBody(target, request), sink, {
    begin(headers) {
      sink.head({ contentType: headers["content-type"] ?? "application/json" });
    },
    data: (chunk) => sink.data(chunk),
    end: () => sink.done(),
  });
}

function throughBody(target: HttpTarget, { dialect, operation, stream, body, model }: ProviderRequest): Buffer {
  const changes: Record<string, JsonValue> = {};
  if (dialect !== "gemini" && body.member("model") !== model) changes["model"] = model;
  if (dialect === "openai-chat" && operation === "generate" && stream && target.traits.streamUsage) {
    const given = asObject(body.member("stream_options"));
    if (given?.["include_usage"] !== true) changes["stream_options"] = { ...given, include_usage: true };
  }
  return Object.keys(changes).length > 0 ? body.with(changes) : body.bytes;
}

/** Another dialect upstream: its answer becomes events (or a whole answer) of our own form. */
export function sendTranslated(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  encoded: EncodedRequest,
  sink: AnswerSink,
): ProviderCall {
  if (!request.stream) {
    return sendWhole(target, dialect, request, encoded.body, sink, (answer) =>
      sink.completion(restoreToolCalls(encoded.toolNames, dialects[dialect].decodeResponse(answer))),
    );
  }
  const decoder = dialects[dialect].createStreamDecoder();
  let over = false;
  const emit = restoreToolEvents(encoded.toolNames, (event) => {
    if (over) return;
    if (event.type === "error") {
      over = true;
      sink.fail(event.error);
    } else sink.event(event);
  });
  const parser = createSseParser((name, data) => decoder.event(name, data, emit));
  return run(target, dialect, request, JSON.stringify(encoded.body), sink, {
    begin: () => {},
    data: (chunk) => parser.push(chunk),
    end() {
      decoder.close(emit);
      if (!over) sink.done();
    },
  });
}

/** Sends, gathers the whole answer, and lets `read` make of it what the sink is told. */
export function sendWhole(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  body: JsonObject,
  sink: AnswerSink,
  read: (answer: JsonObject) => void,
): ProviderCall {
  const gathered = gather(answerLimit);
  return run(target, dialect, request, JSON.stringify(body), sink, {
    begin: () => {},
    data(chunk) {
      if (!gathered.add(chunk))
        throw new GatewayError("upstream_bad_response", "The provider's answer is larger than the gateway reads.");
    },
    end() {
      const answer = parseJsonObject(gathered.whole().toString());
      if (!answer)
        throw new GatewayError(
          "upstream_bad_response",
          `The provider '${target.name}' answered with something that is not JSON.`,
        );
      read(answer);
      sink.done();
    },
  });
}

type AnswerReader = { begin(headers: ResponseHeaders): void; data(chunk: Buffer): void; end(): void };

/** What both ways share: error statuses, network failures, and a reader that throws. */
function run(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  body: Buffer | string,
  sink: AnswerSink,
  reader: AnswerReader,
): ProviderCall {
  let status = 0;
  let answerHeaders: ResponseHeaders = {};
  const failure = gather(errorLimit);
  let over = false;
  let call: ProviderCall | undefined;

  function fail(error: GatewayError): void {
    if (over) return;
    over = true;
    // A proxy that refuses at once does so before there is a call.
    call?.cancel();
    sink.fail(error);
  }

  function guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      fail(unreadable(error, target.name));
    }
  }

  call = target.client.send(target.wireRequest(dialect, request.operation, request, body), {
    head(given, headers) {
      status = given;
      answerHeaders = headers;
      sink.status(status);
      if (status >= 300) return;
      if (isEncoded(headers))
        fail(
          new GatewayError(
            "upstream_bad_response",
            `The provider '${target.name}' compressed its answer although it was asked not to.`,
          ),
        );
      else guarded(() => reader.begin(headers));
    },
    data(chunk) {
      if (over) return;
      if (status >= 300) failure.add(chunk);
      else guarded(() => reader.data(chunk));
    },
    end() {
      if (over) return;
      if (status >= 300) fail(failureOf(target, dialect, status, answerHeaders, failure.whole().toString()));
      else guarded(() => reader.end());
    },
    error: (error) => fail(transportError(error, target.name)),
  });
  return call;
}

/** What a decoder could not read is the upstream's fault, never the client's. */
function unreadable(error: unknown, provider: string): GatewayError {
  if (error instanceof GatewayError && error.code !== "invalid_request") return error;
  const reason =
    error instanceof GatewayError
      ? error.message
      : error instanceof RangeError
        ? "an event too long to read"
        : undefined;
  if (reason === undefined) return toGatewayError(error);
  return new GatewayError("upstream_bad_response", `The provider '${provider}' sent something unreadable: ${reason}`, {
    cause: error,
  });
}
