import { GatewayError, type ErrorCode } from "@trunkline/contracts";
import { createHttpClient, type ClientTimeouts, type HttpClient } from "../http1/client.ts";

/** Generous enough for a long thought without streaming, short enough to notice a dead peer. */
export const defaultTimeouts: ClientTimeouts = { connect: 10_000, firstByte: 600_000, idle: 120_000, total: 3_600_000 };

/** Connections to a provider: through HTTP(S)_PROXY unless NO_PROXY says otherwise, else our own. */
export async function connectTo(
  origin: URL,
  timeouts: ClientTimeouts,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<HttpClient> {
  const httpProxy = environment["HTTP_PROXY"] ?? environment["http_proxy"];
  const httpsProxy = environment["HTTPS_PROXY"] ?? environment["https_proxy"];
  const noProxy = environment["NO_PROXY"] ?? environment["no_proxy"];
  if (!httpProxy && !httpsProxy) return createHttpClient(origin, timeouts);
  // Loaded only where it is needed: it takes more memory than all of the gateway's own code.
  const { createProxiedClient } = await import("../http1/proxied-client.ts");
  return createProxiedClient(origin, timeouts, {
    ...(httpProxy ? { httpProxy } : {}),
    ...(httpsProxy ? { httpsProxy } : {}),
    ...(noProxy ? { noProxy } : {}),
  });
}

const codes: Readonly<Record<string, { code: ErrorCode; text: string }>> = {
  ECONNREFUSED: { code: "upstream_unreachable", text: "refused the connection" },
  ENOTFOUND: { code: "upstream_unreachable", text: "has a host name that does not resolve" },
  EAI_AGAIN: { code: "upstream_unreachable", text: "has a host name that does not resolve right now" },
  EHOSTUNREACH: { code: "upstream_unreachable", text: "cannot be reached" },
  ENETUNREACH: { code: "upstream_unreachable", text: "cannot be reached" },
  CONNECT_TIMEOUT: { code: "upstream_unreachable", text: "did not accept a connection in time" },
  CONNECT_RESET: { code: "upstream_unreachable", text: "closed the connection before it stood" },
  HEADERS_TIMEOUT: { code: "upstream_timeout", text: "did not begin to answer in time" },
  BODY_TIMEOUT: { code: "upstream_timeout", text: "went silent in the middle of its answer" },
  TOTAL_TIMEOUT: { code: "upstream_timeout", text: "took longer than the total time a request may take" },
  MALFORMED_RESPONSE: { code: "upstream_bad_response", text: "sent something that is not valid HTTP" },
  TOO_LARGE: { code: "upstream_bad_response", text: "sent more than the gateway reads" },
  // The same, as undici names them on the way through a proxy.
  UND_ERR_CONNECT_TIMEOUT: { code: "upstream_unreachable", text: "did not accept a connection in time" },
  UND_ERR_HEADERS_TIMEOUT: { code: "upstream_timeout", text: "did not begin to answer in time" },
  UND_ERR_BODY_TIMEOUT: { code: "upstream_timeout", text: "went silent in the middle of its answer" },
  UND_ERR_SOCKET: { code: "upstream_ended_early", text: "closed the connection before its answer was complete" },
  ECONNRESET: { code: "upstream_ended_early", text: "reset the connection before its answer was complete" },
  EPIPE: { code: "upstream_ended_early", text: "closed the connection before the request was sent" },
};

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (typeof code === "string" && code in codes) return code;
  // An AggregateError of several addresses tried: the first says as much as the rest.
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : typeof code === "string" ? code : "";
}

/** A network failure as one of our errors; the provider is named, its address is not. */
export function transportError(error: unknown, provider: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = codeOf(error);
  const known = codes[code] ?? {
    code: "upstream_bad_response" as const,
    text: `could not be spoken to (${code || "unknown error"})`,
  };
  return new GatewayError(known.code, `The provider '${provider}' ${known.text}.`, { cause: error });
}
