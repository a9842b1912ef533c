import { asObject, asString, GatewayError, parseJson, type ErrorCode, type JsonObject } from "@trunkline/contracts";
import type { UpstreamFailure } from "../dialect.ts";

/** Longest piece of an upstream's message that is passed on, in characters. */
const longestMessage = 2000;

const contextWords =
  /context.?length|context window|prompt is too long|too many tokens|maximum context|exceeds the maximum number of tokens/i;
const filterWords = /content.?(policy|filter)|safety system|content management policy/i;
const quotaWords =
  /insufficient.?(quota|balance|funds|credit)|billing|exceeded your current quota|out of (extra )?(usage|credit)/i;

function codeFor(status: number, type: string, message: string): ErrorCode {
  if (status === 401) return "upstream_auth_failed";
  if (status === 402) return "upstream_quota_exceeded";
  if (status === 403) return "upstream_auth_failed";
  if (status === 404) return "upstream_not_found";
  if (status === 408 || status === 504) return "upstream_timeout";
  if (status === 413) return "context_length_exceeded";
  if (status === 429)
    return quotaWords.test(type) || type === "insufficient_quota" ? "upstream_quota_exceeded" : "upstream_rate_limited";
  if (status === 503 || status === 529) return "upstream_overloaded";
  if (status >= 500) return "upstream_error";
  // Redirects are not followed: a prompt goes where the operator said, and nowhere else.
  if (status < 400) return "upstream_bad_response";
  if (contextWords.test(`${type} ${message}`)) return "context_length_exceeded";
  if (filterWords.test(`${type} ${message}`)) return "content_filtered";
  // Google answers a bad API key with 400.
  if (/api.?key.?(not valid|invalid)|API_KEY_INVALID/i.test(`${type} ${message}`)) return "upstream_auth_failed";
  return "upstream_rejected";
}

/** The error member of an upstream's body, whichever of the four shapes it has. */
export function errorMember(body: string): JsonObject {
  const parsed = parseJson(body);
  const root = asObject(Array.isArray(parsed) ? parsed[0] : parsed) ?? {};
  const error = root["error"] ?? root;
  return typeof error === "string" ? { message: error } : (asObject(error) ?? {});
}

/** Makes the upstream's failure one of our errors. `type` is the vendor's own word for it. */
export function upstreamError(failure: UpstreamFailure, type: string, message: string): GatewayError {
  const code = codeFor(failure.status, type, message);
  const said = message === "" ? "" : ` It said: ${message.slice(0, longestMessage)}`;
  const text: Partial<Record<ErrorCode, string>> = {
    upstream_auth_failed: `The provider refused the gateway's credential (status ${failure.status}); your own key is fine.${said}`,
    upstream_quota_exceeded: `The provider account behind this model is out of credit or quota.${said}`,
    upstream_rate_limited: `The provider's rate limit is reached.${said}`,
    upstream_overloaded: `The provider is overloaded.${said}`,
    upstream_timeout: `The provider timed out.${said}`,
    upstream_bad_response: `The provider answered with status ${failure.status}; check its base_url.${said}`,
    upstream_error: `The provider failed with status ${failure.status}.${said}`,
  };
  return new GatewayError(
    code,
    text[code] ?? (message.slice(0, longestMessage) || `The provider answered with status ${failure.status}.`),
    {
      upstreamStatus: failure.status,
      upstreamType: type,
      ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    },
  );
}

/** The usual reading: `error.type` or `error.code` and `error.message`. */
export function decodePlainError(failure: UpstreamFailure): GatewayError {
  const error = errorMember(failure.body);
  const type = asString(error["code"]) ?? asString(error["type"]) ?? "";
  return upstreamError(failure, type, asString(error["message"]) ?? "");
}
