import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { GatewayError } from "@trunkline/contracts";
import { parseDocument } from "yaml";
import type { Environment } from "./environment.ts";
import { ConfigError, parseConfig } from "./load-config.ts";

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Changes with every change of the file, for those who want to change what they have seen and nothing else. */
export function configTag(file: string): string {
  return `"${createHash("sha256").update(read(file)).digest("base64url").slice(0, 22)}"`;
}

/**
 * Puts routes into the configuration file and leaves the rest of it as it is, comments too. Throws `invalid_request` for routes that cannot be
 * read, `conflict` when the file is not the one the tag was given for. The running gateway notices the change by itself.
 */
export function writeRoutes(file: string, environment: Environment, routes: unknown, tag: string | undefined): void {
  if (tag !== undefined && tag !== "*" && tag !== configTag(file))
    throw new GatewayError("conflict", "The configuration has been changed meanwhile. Read it again, and change that.");
  if (!Array.isArray(routes)) throw new GatewayError("invalid_request", "`routes` is a list.", { parameter: "routes" });
  const document = parseDocument(read(file));
  if (document.errors.length > 0)
    throw new GatewayError(
      "conflict",
      `The configuration file has mistakes of its own: ${document.errors[0]!.message}`,
    );
  if (routes.length === 0) document.delete("routes");
  else document.set("routes", document.createNode(routes));
  const text = document.toString();
  try {
    const [bad] = parseConfig(text, file, environment).badRoutes ?? [];
    if (bad) throw new GatewayError("invalid_request", bad.problem, { parameter: `routes.${bad.index}` });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new GatewayError(
      "invalid_request",
      error.problems.map(({ path, message }) => `${path}: ${message}`).join("; "),
    );
  }
  // Whole or not at all, also for a reader in between.
  const next = `${file}.next`;
  writeFileSync(next, text, { mode: 0o600 });
  renameSync(next, file);
}
