import { asObject, asString, type GatewayError, type JsonObject, lookUp } from "@trunkline/contracts";
import { upstreamError } from "../shared/upstream-error.ts";

/** OpenAI's error codes inside a stream have no status; these stand for one, anything else for a server error. */
const statusByCode: Readonly<Record<string, number>> = {
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  invalid_prompt: 400,
  invalid_request_error: 400,
  context_length_exceeded: 400,
  content_filter: 400,
  model_not_found: 404,
  invalid_api_key: 401,
  server_is_overloaded: 503,
  slow_down: 503,
};

/** The error of a `response.failed` (its response) or an `error` event. */
export function decodeStreamError(holder: JsonObject): GatewayError {
  const error = asObject(holder["error"]) ?? holder;
  const code = asString(error["code"]) ?? asString(error["type"]) ?? "";
  return upstreamError(
    { status: lookUp(statusByCode, code) ?? 500, retryAfterMs: undefined, body: "" },
    code,
    asString(error["message"]) ?? "",
  );
}

export { decodeError, encodeError, errorObject } from "../openai-chat/errors.ts";
