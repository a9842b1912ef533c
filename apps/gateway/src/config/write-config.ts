import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { GatewayError } from "@trunkline/contracts";
import { parseDocument, type Document } from "yaml";
import type { Environment } from "./environment.ts";
import { ConfigError, parseConfig } from "./load-config.ts";
import { isMask } from "./masked.ts";

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Changes with every change of the file, for those who want to change what they have seen and nothing else. */
export function configTag(file: string): string {
  return `"${createHash("sha256").update(read(file)).digest("base64url").slice(0, 22)}"`;
}

/** The file as it is written: nothing put in, nothing checked. */
export function readConfigText(file: string): {
  readonly text: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly routes: readonly Record<string, unknown>[];
} {
  const text = read(file);
  const document = parseDocument(text);
  const values = (document.errors.length === 0 ? document.toJS() : undefined) as Record<string, unknown> | null;
  const routes = values?.["routes"];
  return { text, values: values ?? {}, routes: Array.isArray(routes) ? (routes as Record<string, unknown>[]) : [] };
}

function checkTag(file: string, tag: string | undefined): void {
  const tags = tag?.split(",").map((one) => one.trim());
  if (tags && !tags.includes("*") && !tags.includes(configTag(file)))
    throw new GatewayError(
      "changed_meanwhile",
      "The configuration has been changed meanwhile. Read it again, and change that.",
    );
}

/** The file with something changed in it, comments and all else as they were. Throws GatewayError when it has mistakes itself. */
function changed(file: string, change: (document: Document) => void): string {
  const document = parseDocument(read(file));
  if (document.errors.length > 0)
    throw new GatewayError(
      "conflict",
      `The configuration file has mistakes of its own: ${document.errors[0]!.message}`,
    );
  change(document);
  return document.toString();
}

/** Whole or not at all, also for a reader in between. The running gateway notices the change by itself. */
export function writeConfigText(file: string, text: string): void {
  const next = `${file}.next`;
  writeFileSync(next, text, { mode: 0o600 });
  renameSync(next, file);
}

/** What is wrong with a configuration; empty when nothing is. */
export function problemsOf(text: string, file: string, environment: Environment): string[] {
  try {
    const { badRoutes = [] } = parseConfig(text, file, environment);
    return badRoutes.map(({ index, problem }) => `routes.${index}: ${problem}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  }
}

/** Puts routes into the configuration file and leaves the rest of it as it is. Throws GatewayError. */
export function writeRoutes(
  file: string,
  environment: Environment,
  routes: readonly unknown[],
  tag: string | undefined,
): void {
  checkTag(file, tag);
  const text = changed(file, (document) => {
    if (routes.length === 0) document.delete("routes");
    else document.set("routes", document.createNode(routes));
  });
  const [bad] = parseRoutes(text, file, environment);
  if (bad !== undefined) throw bad;
  writeConfigText(file, text);
}

function parseRoutes(text: string, file: string, environment: Environment): GatewayError[] {
  try {
    const [bad] = parseConfig(text, file, environment).badRoutes ?? [];
    return bad ? [new GatewayError("invalid_request", bad.problem, { parameter: `routes.${bad.index}` })] : [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [new GatewayError("invalid_request", problemsOf(text, file, environment).join("; "))];
  }
}

export type SettingChange = { readonly path: readonly (string | number)[]; readonly value?: unknown };

/** The text the changes would make of the file. Throws GatewayError for a value that stands for a secret. */
export function changedText(file: string, changes: readonly SettingChange[]): string {
  return changed(file, (document) => {
    for (const { path, value } of changes) {
      if (isMask(value))
        throw new GatewayError("invalid_request", `'${path.join(".")}' is a mask, not a secret. Leave it out.`, {
          parameter: path.join("."),
        });
      if (value === undefined) {
        if (document.hasIn(path)) document.deleteIn(path);
      } else document.setIn(path, document.createNode(value));
    }
  });
}

/** Writes settings into the file and leaves the rest of it as it is. Throws GatewayError. */
export function writeSettings(file: string, environment: Environment, text: string, tag: string | undefined): void {
  checkTag(file, tag);
  const problems = problemsOf(text, file, environment);
  if (problems.length > 0) throw new GatewayError("invalid_request", problems.join("; "));
  writeConfigText(file, text);
}
