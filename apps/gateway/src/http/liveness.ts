import type { IncomingMessage, ServerResponse } from "node:http";
import { newRequestId } from "@trunkline/contracts";
import { version } from "../version.ts";

/** On every answer that is no model's. */
export const safeHeaders = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
} as const;

/** Whether the process lives; public, and asked so often that nothing is loaded for it. */
export function serveLiveness(isDraining: boolean, { method }: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify(isDraining ? { status: "stopping" } : { status: "ok", version });
  response.writeHead(isDraining ? 503 : 200, {
    ...safeHeaders,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-request-id": newRequestId(Date.now()),
  });
  response.end(method === "HEAD" ? undefined : body);
}
