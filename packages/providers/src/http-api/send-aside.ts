import { parseJsonObject, toGatewayError, GatewayError, type DialectName, type JsonObject } from "@trunkline/contracts";
import {
  countRequest,
  decodeEmbedAnswer,
  decodeEmbedRequest,
  dialects,
  encodeCount,
  encodeEmbedAnswer,
  encodeEmbedRequest,
  readCount,
} from "@trunkline/dialects";
import type { AnswerSink, ProviderCall, ProviderRequest } from "../provider.ts";
import type { HttpTarget } from "./http-provider.ts";
import { answerLimit, failureOf } from "./send-generate.ts";
import { sendWhole } from "./send.ts";
import { transportError } from "./transport.ts";

/** Embeddings of another dialect. */
export function sendEmbeddings(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  sink: AnswerSink,
): ProviderCall {
  const wanted = decodeEmbedRequest(request.dialect, request.body, request.batch);
  return ask(target, dialect, request, encodeEmbedRequest(dialect, wanted, request.model), sink, (body) => {
    const answer = decodeEmbedAnswer(dialect, body);
    sink.json(encodeEmbedAnswer(request.dialect, answer, wanted, request.requestedModel), {
      input: answer.inputTokens,
      estimated: answer.estimated,
    });
  });
}

/** A count of tokens by an upstream of another dialect. */
export function sendCount(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  sink: AnswerSink,
): ProviderCall {
  const encoded = dialects[dialect].encodeRequest(request.conversation(), request.model, target.traits);
  return ask(target, dialect, request, countRequest(dialect, encoded.body, request.model)!, sink, (body) => {
    const tokens = readCount(dialect, body);
    if (tokens === undefined)
      throw new GatewayError("upstream_bad_response", `The provider '${target.name}' gave no count.`);
    sink.json(encodeCount(request.dialect, tokens), { input: tokens, estimated: false });
  });
}

function ask(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  body: JsonObject,
  sink: AnswerSink,
  read: (body: JsonObject) => void,
): ProviderCall {
  return sendWhole(
    target.dispatcher,
    target.wireRequest(dialect, request.operation, request, JSON.stringify(body), true),
    answerLimit,
    (answer) => {
      sink.status(answer.status);
      const text = answer.body.toString();
      if (answer.status >= 300) return sink.fail(failureOf(target, dialect, answer.status, answer.headers, text));
      try {
        read(parseJsonObject(text) ?? {});
      } catch (error) {
        return sink.fail(toGatewayError(error));
      }
      sink.done();
    },
    (error) => sink.fail(transportError(error, target.name)),
  );
}
