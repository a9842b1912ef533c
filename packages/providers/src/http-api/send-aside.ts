import { GatewayError, type DialectName } from "@trunkline/contracts";
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
import { sendWhole } from "./send-generate.ts";

/** Embeddings of another dialect; towards Google always as a batch, which one input is too. */
export function sendEmbeddings(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  sink: AnswerSink,
): ProviderCall {
  const wanted = decodeEmbedRequest(request.dialect, request.body.whole(), request.batch);
  return sendWhole(
    target,
    dialect,
    { ...request, batch: true },
    encodeEmbedRequest(dialect, wanted, request.model),
    sink,
    (body) => {
      const answer = decodeEmbedAnswer(dialect, body);
      sink.json(encodeEmbedAnswer(request.dialect, answer, wanted, request.requestedModel), {
        input: answer.inputTokens,
        estimated: answer.estimated,
      });
    },
  );
}

/** A count of tokens by an upstream of another dialect. */
export function sendCount(
  target: HttpTarget,
  dialect: DialectName,
  request: ProviderRequest,
  sink: AnswerSink,
): ProviderCall {
  const encoded = dialects[dialect].encodeRequest(request.conversation(), request.model, target.traits);
  return sendWhole(target, dialect, request, countRequest(dialect, encoded.body, request.model)!, sink, (body) => {
    const tokens = readCount(dialect, body);
    if (tokens === undefined)
      throw new GatewayError("upstream_bad_response", `The provider '${target.name}' gave no count.`);
    sink.json(encodeCount(request.dialect, tokens), { input: tokens, estimated: false });
  });
}
