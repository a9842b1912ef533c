import type { ErrorCode, GatewayError, JsonObject } from "@trunkline/contracts";
import type { ErrorBody, UpstreamFailure } from "../dialect.ts";
import { decodePlainError } from "../shared/upstream-error.ts";

/** OpenAI's `type` and `code` words for our codes; the code itself stands where OpenAI has no word. */
const words: Partial<Record<ErrorCode, { readonly type: string; readonly code?: string }>> = {
  invalid_json: { type: "invalid_request_error" },
  invalid_request: { type: "invalid_request_error" },
  unsupported_parameter: { type: "invalid_request_error", code: "unsupported_parameter" },
  context_length_exceeded: { type: "invalid_request_error", code: "context_length_exceeded" },
  content_filtered: { type: "invalid_request_error", code: "content_filter" },
  media_not_fetched: { type: "invalid_request_error", code: "invalid_image_url" },
  missing_key: { type: "invalid_request_error", code: "invalid_api_key" },
  invalid_key: { type: "invalid_request_error", code: "invalid_api_key" },
  expired_key: { type: "invalid_request_error", code: "invalid_api_key" },
  disabled_key: { type: "invalid_request_error", code: "account_deactivated" },
  model_not_allowed: { type: "invalid_request_error", code: "model_not_allowed" },
  model_not_found: { type: "invalid_request_error", code: "model_not_found" },
  upstream_not_found: { type: "invalid_request_error", code: "model_not_found" },
  not_found: { type: "invalid_request_error" },
  method_not_allowed: { type: "invalid_request_error" },
  body_too_large: { type: "invalid_request_error", code: "request_too_large" },
  budget_exceeded: { type: "insufficient_quota", code: "insufficient_quota" },
  rate_limited: { type: "requests", code: "rate_limit_exceeded" },
  upstream_rejected: { type: "invalid_request_error" },
  upstream_rate_limited: { type: "requests", code: "rate_limit_exceeded" },
  upstream_quota_exceeded: { type: "insufficient_quota", code: "insufficient_quota" },
  account_quota_exceeded: { type: "requests", code: "rate_limit_exceeded" },
  queue_full: { type: "requests", code: "queue_full" },
  session_busy: { type: "requests", code: "session_busy" },
  session_not_found: { type: "invalid_request_error", code: "session_not_found" },
  invalid_header_value: { type: "invalid_request_error", code: "invalid_header_value" },
};

/** Chat and Responses share OpenAI's error object. */
export function errorObject(error: GatewayError): JsonObject {
  const word = words[error.code] ?? { type: "server_error", code: error.code };
  return {
    message: error.message,
    type: word.type,
    param: error.details.parameter ?? null,
    code: word.code ?? null,
  };
}

export function encodeError(error: GatewayError): ErrorBody {
  return { status: error.status, body: { error: errorObject(error) } };
}

export function decodeError(failure: UpstreamFailure): GatewayError {
  return decodePlainError(failure);
}
