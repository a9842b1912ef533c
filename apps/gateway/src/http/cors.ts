import type { IncomingMessage, ServerResponse } from "node:http";

/** Headers a browser lets a page read. */
const exposed =
  "x-request-id, request-id, retry-after, retry-after-ms, x-trunkline-provider, x-trunkline-model, x-trunkline-degraded";

/** Lets pages of the listed origins call the API; there is no wildcard. True when the request was a preflight and is answered. */
export function applyCors(origins: readonly string[], message: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = message.headers;
  const isPreflight = message.method === "OPTIONS" && message.headers["access-control-request-method"] !== undefined;
  if (origin === undefined) return false;
  response.setHeader("vary", "origin");
  if (!origins.includes(origin)) {
    if (isPreflight) response.writeHead(403).end();
    return isPreflight;
  }
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", exposed);
  if (!isPreflight) return false;
  response
    .writeHead(204, {
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers":
        message.headers["access-control-request-headers"] ?? "authorization, content-type",
      "access-control-max-age": "600",
    })
    .end();
  return true;
}
