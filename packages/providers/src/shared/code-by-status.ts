import type { ErrorCode } from "@trunkline/contracts";

/** What a status alone says of a failure, where there is no vendor's body to read more from. */
export const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  400: "upstream_rejected",
  401: "upstream_auth_failed",
  403: "upstream_auth_failed",
  404: "upstream_not_found",
  408: "upstream_timeout",
  413: "context_length_exceeded",
  429: "upstream_rate_limited",
  503: "upstream_overloaded",
  504: "upstream_timeout",
  529: "upstream_overloaded",
};
