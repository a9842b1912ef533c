import { logprobsOf } from "../shared/logprobs.ts";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  GatewayError,
  type AssistantPart,
  type Choice,
  type Completion,
  type Finish,
  type FinishReason,
  type JsonObject,
  lookUp,
} from "@trunkline/contracts";
import { decodeToolCall } from "./decode-request.ts";
import { decodeReasoning } from "./reasoning.ts";
import { finishReasons } from "./schema.ts";
import { decodeUsage } from "./usage.ts";

export function decodeResponse(body: JsonObject): Completion {
  const choices = asArray(body["choices"]);
  if (choices.length === 0) throw new GatewayError("upstream_bad_response", "The provider's answer held no choice.");
  return compact({
    id: asString(body["id"]) ?? "",
    model: asString(body["model"]) ?? "",
    created: asNumber(body["created"]) ?? 0,
    choices: choices.map((choice, position) => decodeChoice(asObject(choice) ?? {}, position)),
    usage: decodeUsage(body["usage"]) ?? decodeUsage(asObject(body["x_groq"])?.["usage"]),
    serviceTier: asString(body["service_tier"]),
    systemFingerprint: asString(body["system_fingerprint"]),
  }) as Completion;
}

function decodeChoice(choice: JsonObject, position: number): Choice {
  const message = asObject(choice["message"]) ?? {};
  const content: AssistantPart[] = [...decodeReasoning(message)];
  const text = asString(message["content"]);
  if (text) content.push({ type: "text", text });
  const refusal = asString(message["refusal"]);
  if (refusal) content.push({ type: "refusal", text: refusal });
  const calls = asArray(message["tool_calls"]).map((call, index) =>
    decodeToolCall(asObject(call) ?? {}, `tool_calls[${index}]`),
  );
  content.push(...calls);
  const logprobs = logprobsOf(asObject(choice["logprobs"])?.["content"]);
  return {
    index: asNumber(choice["index"]) ?? position,
    content,
    finish: decodeFinish(asString(choice["finish_reason"]), {
      called: calls.length > 0,
      refused: refusal !== undefined && refusal !== "",
    }),
    ...(logprobs.length > 0 ? { logprobs } : {}),
  };
}

/** Some upstreams leave the reason out, or say "stop" behind a tool call; what was seen decides then. */
export function decodeFinish(
  native: string | undefined,
  seen: { readonly called: boolean; readonly refused: boolean },
): Finish {
  if (native === undefined || native === "stop") {
    const reason = seen.called ? "tool-calls" : seen.refused ? "refusal" : "stop";
    return { reason, ...(native === undefined ? {} : { native }) };
  }
  return { reason: lookUp<FinishReason>(finishReasons, native) ?? "other", native };
}
