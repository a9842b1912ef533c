import { asArray, asNumber, asObject, asString, GatewayError, type JsonObject } from "@trunkline/contracts";
import { programError } from "../failure/program-error.ts";

export type FailureContext = {
  readonly provider: string;
  readonly secrets: readonly string[];
  readonly now: number;
  readonly resetsAt: number | undefined;
};

export const title = "Claude Code";

/** The text of an assistant line the program made up itself to tell of a failure. */
export function syntheticText(message: JsonObject): string | undefined {
  const body = asObject(message["message"]) ?? {};
  if (body["model"] !== "<synthetic>") return undefined;
  return asArray(body["content"])
    .map((block) => asString(asObject(block)?.["text"]) ?? "")
    .join("");
}

/** A `result` that is no answer. `subtype` may say "success" all the same, and the exit code may be 0. */
export function failureOfResult(
  result: JsonObject,
  synthetic: { text: string; type: string | undefined } | undefined,
  context: FailureContext,
): GatewayError {
  const text = synthetic?.text || asString(result["result"]) || asArray(result["errors"]).join(" ");
  const type = asString(result["api_error_type"]) ?? synthetic?.type;
  if (text === "" && type === undefined && result["is_error"] !== true)
    return new GatewayError("upstream_bad_response", `${title} ended its turn without an answer.`);
  return programError({
    ...context,
    program: title,
    status: asNumber(result["api_error_status"]),
    type,
    text: text.replace(/^API Error:\s*/, ""),
  });
}

/** The first `api_retry`: the program would go on trying for minutes, whoever waits. */
export function failureOfRetry(event: JsonObject, context: FailureContext): GatewayError {
  return programError({
    ...context,
    program: title,
    status: asNumber(event["error_status"]),
    type: asString(event["error"]),
    text: "",
  });
}
