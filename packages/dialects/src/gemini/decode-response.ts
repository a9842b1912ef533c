import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  GatewayError,
  isObject,
  type Choice,
  type Completion,
  type Finish,
  type JsonObject,
  type TokenLogprob,
  lookUp,
} from "@trunkline/contracts";
import { createCallIds, decodeModelPart, partsOf } from "./parts.ts";
import { finishReasons } from "./schema.ts";
import { decodeUsage } from "./usage.ts";

export function decodeResponse(body: JsonObject): Completion {
  const candidates = asArray(body["candidates"]).filter(isObject);
  const blocked = asString(asObject(body["promptFeedback"])?.["blockReason"]);
  if (candidates.length === 0 && blocked === undefined) {
    throw new GatewayError("upstream_bad_response", "The provider's answer held no candidate.");
  }
  const choices = candidates.map(decodeCandidate);
  return compact({
    id: asString(body["responseId"]) ?? "",
    model: asString(body["modelVersion"]) ?? "",
    created: 0,
    choices:
      choices.length > 0
        ? choices
        : [{ index: 0, content: [], finish: { reason: "content-filter", native: blocked! } }],
    usage: decodeUsage(body["usageMetadata"]),
  }) as Completion;
}

function decodeCandidate(candidate: JsonObject, position: number): Choice {
  const callIds = createCallIds();
  const content = partsOf(candidate).flatMap((part) => decodeModelPart(part, callIds));
  const called = content.some((part) => part.type === "tool-call");
  const logprobs = decodeLogprobs(candidate["logprobsResult"]);
  return {
    index: asNumber(candidate["index"]) ?? position,
    content,
    finish: decodeFinish(asString(candidate["finishReason"]), called),
    ...(logprobs.length > 0 ? { logprobs } : {}),
  };
}

/** Google says STOP behind a function call too. */
export function decodeFinish(native: string | undefined, called: boolean): Finish {
  const reason = lookUp(finishReasons, native) ?? "other";
  return compact({ reason: called && reason === "stop" ? "tool-calls" : reason, native }) as Finish;
}

export function decodeLogprobs(value: JsonObject[string]): TokenLogprob[] {
  const result = asObject(value);
  const top = asArray(result?.["topCandidates"]);
  return asArray(result?.["chosenCandidates"]).map((chosen, index) => {
    const token = asObject(chosen) ?? {};
    const others = asArray(asObject(top[index])?.["candidates"]).map((other) => decodeToken(asObject(other) ?? {}));
    return { ...decodeToken(token), top_logprobs: others };
  });
}

function decodeToken(candidate: JsonObject): { token: string; logprob: number; bytes: number[] } {
  const token = asString(candidate["token"]) ?? "";
  return { token, logprob: asNumber(candidate["logProbability"]) ?? 0, bytes: [...Buffer.from(token)] };
}
