import type { IncomingHttpHeaders } from "node:http";

/** The secret a client sent, wherever its SDK puts it. */
export function secretOf(headers: IncomingHttpHeaders, query: URLSearchParams | undefined): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim();
  for (const name of ["x-api-key", "x-goog-api-key", "api-key"]) {
    const value = headers[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return query?.get("key") ?? undefined;
}
