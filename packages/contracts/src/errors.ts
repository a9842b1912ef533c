import type { DialectName } from "./conversation.ts";

/**
 * Every way a request can fail, as a closed union. What each one looks like on the wire is decided per dialect
 * (`dialects/<name>/errors.ts`); `docs/reference/errors.md` lists them and a test keeps it complete.
 */
export const errorTable = {
  invalid_json: { status: 400, retryable: false, fix: "Send a JSON object as the request body." },
  invalid_request: { status: 400, retryable: false, fix: "Correct the named parameter and send the request again." },
  unsupported_parameter: {
    status: 400,
    retryable: false,
    fix: "Leave the parameter out, or choose a model whose provider supports it.",
  },
  context_length_exceeded: {
    status: 400,
    retryable: false,
    fix: "Shorten the conversation or choose a model with a larger context.",
  },
  content_filtered: {
    status: 400,
    retryable: false,
    fix: "The provider's safety system refused the input; change it.",
  },
  media_not_fetched: { status: 400, retryable: false, fix: "Send the file inline, or use a public https address." },
  missing_key: { status: 401, retryable: false, fix: "Send a key made with `trunkline keys create`." },
  invalid_key: { status: 401, retryable: false, fix: "Check the key, or make one with `trunkline keys create`." },
  expired_key: {
    status: 401,
    retryable: false,
    fix: "Make a new key with `trunkline keys create`, or rotate this one.",
  },
  disabled_key: { status: 403, retryable: false, fix: "Ask the operator to enable the key." },
  model_not_allowed: {
    status: 403,
    retryable: false,
    fix: "Use a model this key allows, or ask the operator to allow it.",
  },
  model_not_found: { status: 404, retryable: false, fix: "List the models with GET /v1/models." },
  not_found: { status: 404, retryable: false, fix: "Check the address." },
  method_not_allowed: { status: 405, retryable: false, fix: "Use the method the reference names." },
  conflict: {
    status: 409,
    retryable: false,
    fix: "Somebody else has changed it meanwhile; read it again, and change that.",
  },
  not_permitted: {
    status: 403,
    retryable: false,
    fix: "Your role does not allow this; ask an admin to do it, or for the role.",
  },
  foreign_origin: {
    status: 403,
    retryable: false,
    fix: "A page of another site asked; use the dashboard itself, or a script without a browser.",
  },
  changed_meanwhile: {
    status: 412,
    retryable: false,
    fix: "Somebody else has changed it meanwhile; read it again, and change that.",
  },
  if_match_missing: {
    status: 428,
    retryable: false,
    fix: "Send `If-Match` with the `ETag` you have read, or `*` to overwrite whatever is there.",
  },
  second_factor_needed: {
    status: 401,
    retryable: false,
    fix: "Send the code your authenticator shows as `code`, along with the password.",
  },
  locked_out: {
    status: 429,
    retryable: false,
    fix: "Too many sign-ins failed; wait as long as `retry-after` says.",
  },
  body_too_large: { status: 413, retryable: false, fix: "Send less, or raise `server.body_limit_mb`." },
  rate_limited: { status: 429, retryable: true, fix: "Wait as long as `retry-after` says." },
  upstream_rejected: { status: 400, retryable: false, fix: "The provider refused the request; its message says why." },
  upstream_not_found: { status: 404, retryable: false, fix: "The provider does not know this model or resource." },
  upstream_rate_limited: {
    status: 429,
    retryable: true,
    fix: "The provider's limit is reached; wait as long as `retry-after` says.",
  },
  upstream_quota_exceeded: {
    status: 429,
    retryable: false,
    fix: "The provider account is out of credit; the operator must top it up.",
  },
  invalid_header_value: { status: 400, retryable: false, fix: "Correct the named header and send the request again." },
  session_not_found: {
    status: 404,
    retryable: false,
    fix: "Start a new session; sessions end when they are not used for a while.",
  },
  session_busy: {
    status: 429,
    retryable: true,
    fix: "Wait for the session's running turn to end, then send the next.",
  },
  queue_full: {
    status: 429,
    retryable: true,
    fix: "Every place at this provider is taken; wait as long as `retry-after` says.",
  },
  account_signed_out: {
    status: 503,
    retryable: false,
    fix: "The operator must sign in again: `trunkline login <provider>`.",
  },
  account_quota_exceeded: {
    status: 429,
    retryable: true,
    fix: "The subscription's window is used up; wait until it resets, as `retry-after` says.",
  },
  worker_missing: {
    status: 503,
    retryable: true,
    fix: "No worker of the provider's is connected; the operator must start one, as `trunkline workers` tells.",
  },
  service_down: {
    status: 503,
    retryable: true,
    fix: "The provider's own service is being started or started again; try again in a moment. `trunkline services` tells why.",
  },
  program_missing: {
    status: 503,
    retryable: false,
    fix: "The operator must install the vendor's program; `trunkline doctor` tells which.",
  },
  program_crashed: { status: 502, retryable: true, fix: "The vendor's program ended unexpectedly; try again." },
  output_too_large: {
    status: 502,
    retryable: false,
    fix: "Ask for a shorter answer; the program wrote more than the gateway takes.",
  },
  upstream_auth_failed: {
    status: 502,
    retryable: false,
    fix: "The provider refused the operator's credential; the operator must renew it.",
  },
  upstream_error: { status: 502, retryable: true, fix: "The provider failed; try again." },
  upstream_bad_response: { status: 502, retryable: true, fix: "The provider sent something unreadable; try again." },
  upstream_ended_early: { status: 502, retryable: true, fix: "The provider's answer broke off; try again." },
  upstream_unreachable: {
    status: 502,
    retryable: true,
    fix: "Check the provider's address and this machine's network.",
  },
  upstream_overloaded: { status: 503, retryable: true, fix: "The provider is overloaded; try again later." },
  upstream_timeout: {
    status: 504,
    retryable: true,
    fix: "The provider did not answer in time; try again or raise its timeouts.",
  },
  provider_unavailable: { status: 503, retryable: false, fix: "The operator must finish setting this provider up." },
  switched_off: {
    status: 503,
    retryable: false,
    fix: "The operator switched this off; `trunkline kills` lists what and why.",
  },
  no_target: {
    status: 503,
    retryable: false,
    fix: "No target of the route takes this request; `trunkline route explain` tells why.",
  },
  circuit_open: {
    status: 503,
    retryable: true,
    fix: "The provider failed every time of late; wait as long as `retry-after` says. `trunkline health` tells why.",
  },
  budget_exceeded: {
    status: 429,
    retryable: false,
    fix: "The budget is used up; wait until it begins anew, or ask the operator to raise it.",
  },
  database_unavailable: {
    status: 503,
    retryable: true,
    fix: "The gateway's database does not answer, and without it budgets cannot be kept; try again in a moment. The log says why.",
  },
  shutting_down: { status: 503, retryable: true, fix: "The gateway is restarting; try again in a moment." },
  client_closed: { status: 499, retryable: false, fix: "The client went away before the answer was complete." },
  internal_error: { status: 500, retryable: true, fix: "A fault of the gateway; the log holds the request id." },
} as const;

export type ErrorCode = keyof typeof errorTable;

export type ErrorDetails = {
  /** Name of the offending parameter, as the client wrote it. */
  readonly parameter?: string;
  /** Milliseconds after which trying again makes sense, when known. */
  readonly retryAfterMs?: number;
  /** False stops SDKs from retrying, whatever the status. */
  readonly shouldRetry?: boolean;
  /** The status the upstream answered with. */
  readonly upstreamStatus?: number;
  /** The upstream's error type or code word. */
  readonly upstreamType?: string;
  /** The upstream's own body and status: a client of the same dialect gets them as they are. */
  readonly native?: { readonly dialect: DialectName; readonly status: number; readonly body: string };
  readonly cause?: unknown;
};

/** The one error that travels through the gateway; anything else that is thrown is a fault of ours. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "GatewayError";
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return this.details.shouldRetry ?? errorTable[this.code].retryable;
  }
}

/** The error itself when it is one of ours, else an `internal_error` that keeps the cause but shows nothing of it. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  // The engine's own limit on recursion: only a request nested thousands of levels deep reaches it.
  if (error instanceof RangeError && error.message.includes("call stack")) {
    return new GatewayError("invalid_request", "The request is nested too deeply.", { cause: error });
  }
  return new GatewayError("internal_error", "The gateway could not handle this request.", { cause: error });
}
