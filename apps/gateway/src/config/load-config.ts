import { existsSync, readFileSync } from "node:fs";
import { isObject } from "@trunkline/contracts";
import { isScalar, LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import type { Environment } from "./environment.ts";
import { routeSchema } from "./routing-schema.ts";
import { configSchema, type BadRoute, type Config } from "./schema.ts";

/** One thing wrong with the configuration, where it stands. Line and column count from 1. */
export type ConfigProblem = {
  readonly message: string;
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
};

export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  readonly file: string;

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join("\n"));
    this.name = "ConfigError";
    this.file = file;
    this.problems = problems;
  }
}

function formatProblem(file: string, { message, path, line, column }: ConfigProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  return `${place}  ${path === "" ? "" : `${path}: `}${message}`;
}

/** Reads the file (an absent one is empty), puts in `${NAME}` and the environment's overrides, and checks it. Throws ConfigError. */
export function loadConfig(file: string, environment: Environment): Config {
  return parseConfig(existsSync(file) ? readFileSync(file, "utf8") : "", file, environment);
}

export function parseConfig(text: string, file: string, environment: Environment): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => ({ message: error.message, path: "", ...at(error.pos[0]) })),
    );
  }
  const problems: ConfigProblem[] = [];
  const value = substitute(document.toJS() ?? {}, [], environment, (path, message) =>
    problems.push({ message, path: path.join("."), ...place(document, path, at) }),
  );
  if (problems.length > 0) throw new ConfigError(file, problems);

  const { rest, badRoutes } = withoutBadRoutes(value, (index, error) =>
    error.issues.flatMap((issue) => explain({ ...issue, path: ["routes", index, ...issue.path] }, document, at)),
  );
  const result = configSchema.safeParse(withOverrides(rest, environment));
  if (!result.success) {
    throw new ConfigError(
      file,
      result.error.issues.flatMap((issue) => explain(issue, document, at)),
    );
  }
  checkAliases(result.data, (path, message) =>
    problems.push({ message, path: path.join("."), ...place(document, path, at) }),
  );
  if (problems.length > 0) throw new ConfigError(file, problems);
  return badRoutes.length === 0 ? result.data : { ...result.data, badRoutes };
}

/** Takes out the routes that cannot be read: they are told of, and the others go on. */
function withoutBadRoutes(
  value: unknown,
  explainAll: (index: number, error: z.ZodError) => ConfigProblem[],
): { rest: unknown; badRoutes: BadRoute[] } {
  const routes = isObject(value) ? value["routes"] : undefined;
  if (!Array.isArray(routes)) return { rest: value, badRoutes: [] };
  const badRoutes = routes.flatMap((route: unknown, index): BadRoute[] => {
    const { error } = routeSchema.safeParse(route);
    if (!error) return [];
    const problem = explainAll(index, error)
      .map(({ message, path, line }) => `${path}: ${message}${line === undefined ? "" : ` (line ${line})`}`)
      .join("; ");
    const pattern = isObject(route) && typeof route["pattern"] === "string" ? route["pattern"] : "";
    return [{ index, pattern, problem }];
  });
  const good = routes.filter((_route, index) => badRoutes.every((bad) => bad.index !== index));
  return { rest: { ...(value as object), routes: good }, badRoutes };
}

type Path = readonly (string | number)[];
type At = (offset: number) => { line: number; column: number };

/** `${NAME}` and `${NAME:-default}` inside strings; `$${` is a plain `${`. */
function substitute(
  value: unknown,
  path: Path,
  environment: Environment,
  report: (path: Path, message: string) => void,
): unknown {
  if (typeof value === "string") {
    return value.replace(
      /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
      (whole, variable: string | undefined, fallback: string | undefined) => {
        if (variable === undefined) return "${";
        const found = environment[variable] ?? fallback;
        if (found === undefined)
          report(path, `the environment variable ${variable} is not set; set it, or write \${${variable}:-default}`);
        return found ?? whole;
      },
    );
  }
  if (Array.isArray(value)) return value.map((item, index) => substitute(item, [...path, index], environment, report));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, substitute(member, [...path, key], environment, report)]),
  );
}

function withOverrides(value: unknown, environment: Environment): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const root = value as Record<string, unknown>;
  const server = { ...(root["server"] as object | undefined) } as Record<string, unknown>;
  const result: Record<string, unknown> = { ...root };
  if (environment["TRUNKLINE_HOST"]) server["host"] = environment["TRUNKLINE_HOST"];
  if (environment["TRUNKLINE_PORT"]) server["port"] = Number(environment["TRUNKLINE_PORT"]);
  if (Object.keys(server).length > 0) result["server"] = server;
  if (environment["TRUNKLINE_DATABASE"]) result["database"] = environment["TRUNKLINE_DATABASE"];
  if (environment["TRUNKLINE_LOG_LEVEL"])
    result["log"] = { ...(root["log"] as object | undefined), level: environment["TRUNKLINE_LOG_LEVEL"] };
  if (environment["TRUNKLINE_DISCOVER"]) result["discover"] = environment["TRUNKLINE_DISCOVER"] === "true";
  return result;
}

function place(document: Document, path: Path, at: At): { line?: number; column?: number } {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return at(node.range[0]);
  }
  return {};
}

function keyPlace(document: Document, parent: Path, key: string, at: At): { line?: number; column?: number } {
  const map = (parent.length === 0 ? document.contents : document.getIn(parent, true)) as {
    items?: { key: unknown }[];
  } | null;
  const pair = map?.items?.find((item) => isScalar(item.key) && String(item.key.value) === key);
  const range = pair && isScalar(pair.key) ? pair.key.range : undefined;
  return range ? at(range[0]) : place(document, parent, at);
}

function explain(issue: z.core.$ZodIssue, document: Document, at: At): ConfigProblem[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      message: "unknown setting; see docs/reference/config.md for all of them",
      path: [...path, key].join("."),
      ...keyPlace(document, path, key, at),
    }));
  }
  if (issue.code === "invalid_union") {
    // The branch that came furthest says best what is wrong: the one that knows the entry's kind.
    const knowsKind = issue.errors.find(
      (branch) => !branch.some((inner) => inner.path.length === 1 && inner.path[0] === "kind"),
    );
    const best = (knowsKind ?? issue.errors.at(-1) ?? []).map(
      (inner) => ({ ...inner, path: [...issue.path, ...inner.path] }) as z.core.$ZodIssue,
    );
    return best.flatMap((inner) => explain(inner, document, at));
  }
  return [{ message: issue.message, path: path.join("."), ...place(document, path, at) }];
}

function checkAliases(config: Config, report: (path: Path, message: string) => void): void {
  for (const alias of Object.keys(config.aliases)) {
    const seen = new Set<string>();
    let current: string | undefined = alias;
    while (current !== undefined && !seen.has(current)) {
      seen.add(current);
      current = Object.hasOwn(config.aliases, current) ? config.aliases[current] : undefined;
    }
    if (current !== undefined) report(["aliases", alias], `leads back to itself: ${[...seen, current].join(" → ")}`);
  }
}
