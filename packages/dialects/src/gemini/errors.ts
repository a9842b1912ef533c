import { asArray, asObject, asString, type GatewayError, type JsonObject } from "@trunkline/contracts";
import type { ErrorBody, UpstreamFailure } from "../dialect.ts";
import { errorMember, upstreamError } from "../shared/upstream-error.ts";

/** google.rpc.Code names by HTTP status. */
const statusNames: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  413: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

export function errorObject(error: GatewayError): JsonObject {
  const details: JsonObject[] = [
    { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: error.code.toUpperCase(), domain: "trunkline" },
  ];
  if (error.details.retryAfterMs !== undefined) {
    details.push({
      "@type": "type.googleapis.com/google.rpc.RetryInfo",
      retryDelay: `${Math.ceil(error.details.retryAfterMs / 1000)}s`,
    });
  }
  return { code: error.status, message: error.message, status: statusNames[error.status] ?? "UNKNOWN", details };
}

export function encodeError(error: GatewayError): ErrorBody {
  return { status: error.status, body: { error: errorObject(error) } };
}

/** Google tells the wait in `RetryInfo`, not in a header. */
function retryDelay(error: JsonObject): number | undefined {
  for (const item of asArray(error["details"])) {
    const delay = asString(asObject(item)?.["retryDelay"]);
    if (delay !== undefined) return Math.ceil(Number.parseFloat(delay) * 1000) || undefined;
  }
  return undefined;
}

export function decodeError(failure: UpstreamFailure): GatewayError {
  const error = errorMember(failure.body);
  const retryAfterMs = failure.retryAfterMs ?? retryDelay(error);
  return upstreamError({ ...failure, retryAfterMs }, asString(error["status"]) ?? "", asString(error["message"]) ?? "");
}
