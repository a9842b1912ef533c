import { asString, type ErrorCode, type GatewayError, lookUp } from "@trunkline/contracts";
import type { ErrorBody, UpstreamFailure } from "../dialect.ts";
import { errorMember, upstreamError } from "../shared/upstream-error.ts";

/** Anthropic's error types by status; 529 is its own number for an overload. */
const typesByStatus: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const statusByType: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(typesByStatus).map(([status, type]) => [type, Number(status)])),
  invalid_request_error: 400,
  api_error: 500,
};

/** What is about money, whatever its status. */
const billing: ReadonlySet<ErrorCode> = new Set(["upstream_quota_exceeded", "budget_exceeded"]);
const overloads: ReadonlySet<ErrorCode> = new Set(["upstream_overloaded"]);

export function encodeError(error: GatewayError, requestId: string): ErrorBody {
  const status = overloads.has(error.code) ? 529 : error.status;
  const type = billing.has(error.code) ? "billing_error" : (typesByStatus[status] ?? "api_error");
  return { status, body: { type: "error", error: { type, message: error.message }, request_id: requestId } };
}

export function decodeError(failure: UpstreamFailure): GatewayError {
  const error = errorMember(failure.body);
  return upstreamError(failure, asString(error["type"]) ?? "", asString(error["message"]) ?? "");
}

/** An `error` event has no status; its type stands for one. */
export function decodeStreamError(data: string): GatewayError {
  const type = asString(errorMember(data)["type"]) ?? "";
  return decodeError({ status: lookUp(statusByType, type) ?? 500, retryAfterMs: undefined, body: data });
}
