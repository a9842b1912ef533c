import type { DialectName, GatewayError } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import type { ClientAnswer } from "./client-answer.ts";

/** The headers that tell an SDK whether and when to try again. */
function retryHeaders(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = {};
  const { retryAfterMs } = error.details;
  if (retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.ceil(retryAfterMs / 1000));
    headers["retry-after-ms"] = String(Math.ceil(retryAfterMs));
  }
  // SDKs retry 429 and 5xx by themselves: they are told where that cannot help.
  if (!error.retryable && (error.status === 429 || error.status >= 500)) headers["x-should-retry"] = "false";
  return headers;
}

/** The answer an error becomes: the upstream's own when the client speaks its dialect, else ours in the client's dialect. */
export function errorAnswer(
  error: GatewayError,
  dialect: DialectName,
  requestId: string,
): { status: number; headers: Record<string, string>; body: string } {
  const headers = { "content-type": "application/json", ...retryHeaders(error) };
  const { native } = error.details;
  if (native?.dialect === dialect) return { status: native.status, headers, body: native.body };
  const { status, body } = dialects[dialect].encodeError(error, requestId);
  return { status, headers, body: JSON.stringify(body) };
}

export function writeError(
  answer: ClientAnswer,
  error: GatewayError,
  dialect: DialectName,
  requestId: string,
  more: Readonly<Record<string, string>>,
): void {
  const { status, headers, body } = errorAnswer(error, dialect, requestId);
  answer.begin(status, { ...more, ...headers, "content-length": String(Buffer.byteLength(body)) });
  answer.end(body);
}
