import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "@trunkline/contracts";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** Where the build puts the browser app. */
const builtFolder = join(import.meta.dirname, "../../../web/dist");

/**
 * Nothing but our own files, no inline code, and no text that becomes code: what a model, a client or an upstream says stays text, wherever it
 * is shown.
 */
export const webPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  json: "application/json",
  png: "image/png",
  woff2: "font/woff2",
};

/** Names as the build gives them: no folders, no dots in front. */
const assetName = /^[A-Za-z0-9_][A-Za-z0-9._-]*\.(js|css|svg|json|png|woff2)$/;

const encodings = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;

/** The smallest form there is of a file that the client takes. */
function formOf(file: string, request: FastifyRequest): { readonly file: string; readonly encoding?: string } {
  const accepted = String(request.headers["accept-encoding"] ?? "");
  for (const [encoding, ending] of encodings)
    if (
      new RegExp(`\\b${encoding}\\b(?!\\s*;\\s*q=0(?:\\.0*)?(?:[,\\s]|$))`).test(accepted) &&
      existsSync(file + ending)
    )
      return { file: file + ending, encoding };
  return { file };
}

async function sendAsset(name: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const type = types[assetName.exec(name)?.[1] ?? ""];
  const path = join(builtFolder, "assets", name);
  // Never the page instead of a script that is gone: a browser would keep it under the script's name.
  if (type === undefined || !existsSync(path))
    throw new GatewayError("not_found", "There is no such file. Load the page again: it may have been built anew.");
  const { file, encoding } = formOf(path, request);
  if (encoding !== undefined) reply.header("content-encoding", encoding);
  return reply
    .type(type)
    .headers({ "cache-control": "public, max-age=31536000, immutable", vary: "accept-encoding" })
    .send(await readFile(file));
}

/** The browser app, from its built files: named by their content, compressed beforehand. */
export function addWebFiles(app: FastifyInstance): void {
  const page = async (_request: FastifyRequest, reply: FastifyReply) => {
    const file = join(builtFolder, "admin.html");
    if (!existsSync(file))
      throw new GatewayError(
        "not_found",
        "The dashboard is not built. Start with `npm start`, which builds it, or run `npx vite build` in apps/web.",
      );
    return reply
      .type("text/html; charset=utf-8")
      .headers({ "cache-control": "no-cache", "content-security-policy": webPolicy })
      .send(await readFile(file));
  };
  app.get("/admin", page);
  app.get("/admin/*", page);
  app.get<{ Params: { name: string } }>("/assets/:name", (request, reply) =>
    sendAsset(request.params.name, request, reply),
  );
}
