import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorTable, GatewayError, type ErrorCode } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { presetNames, presetOf } from "@trunkline/providers";
import type { Command } from "commander";
import { configJsonSchema } from "../apps/gateway/src/cli/commands/config.ts";
import { createProgram } from "../apps/gateway/src/cli/program.ts";
import { environmentVariables } from "../apps/gateway/src/config/environment.ts";
import { answerHeaders } from "../apps/gateway/src/http/answer-headers.ts";
import { turnHeaders } from "../apps/gateway/src/http/turn-headers.ts";
import { geminiVerbs, modelPaths } from "../apps/gateway/src/http/model-routes.ts";
import { createMetrics } from "../apps/gateway/src/observe/metrics.ts";

// The reference pages, made from the code. `node tools/reference.ts` writes them; a test fails when they are not what is written here.

const folder = join(import.meta.dirname, "../docs/reference");
const made = "<!-- Made by tools/reference.ts from the code; change it there. -->\n";

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  return [
    `| ${headings.join(" | ")} |`,
    `|${headings.map(() => "---").join("|")}|`,
    ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
  ].join("\n");
}

type Schema = {
  type?: string | string[];
  description?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  required?: string[];
};

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return String(schema.type ?? "any");
}

function* settings(schema: Schema, path: string): Generator<string[]> {
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const full = path === "" ? name : `${path}.${name}`;
    const fallback =
      member.default === undefined || typeof member.default === "object" ? "" : `\`${JSON.stringify(member.default)}\``;
    if (member.description) yield [`\`${full}\``, typeOf(member), fallback, member.description];
    yield* settings(member, full);
    if (member.items?.properties) yield* settings(member.items, `${full}[]`);
    const entries = typeof member.additionalProperties === "object" ? member.additionalProperties : undefined;
    for (const branch of entries?.anyOf ?? []) {
      const kind = branch.properties?.["kind"]?.const;
      yield* settings(
        branch,
        `${full}.<name>${kind === undefined || kind === "http-api" ? "" : ` (kind ${String(kind)})`}`,
      );
    }
  }
}

function configPage(): string {
  return `${made}# Configuration

\`trunkline.yaml\` in the home folder (\`npx trunkline config path\`). It is read at the start and again whenever it is saved; a file with mistakes is
reported with line and column and changes nothing. Strings may hold \`\${NAME}\` or \`\${NAME:-default}\` from the environment; \`$\${\` is a plain \`\${\`.
\`config.example.yaml\` shows every setting in use, \`config.schema.json\` beside this page is for editors.

${table(["Setting", "Type", "Default", "What it does"], [...settings(configJsonSchema() as Schema, "")])}

\`server.host\`, \`server.port\` and \`database\` take effect at the next start.

## Environment

${table(
  ["Variable", "What it does"],
  Object.entries(environmentVariables).map(([name, what]) => [`\`${name}\``, what]),
)}

\`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\` are honoured for calls to providers. API keys of providers: see [providers](providers.md).
`;
}

function errorsPage(): string {
  const codes = Object.keys(errorTable) as ErrorCode[];
  const rows = codes.map((code) => {
    const error = new GatewayError(code, "");
    const openai = dialects["openai-chat"].encodeError(error, "").body["error"] as Record<string, unknown>;
    const anthropic = dialects["anthropic-messages"].encodeError(error, "");
    const gemini = dialects.gemini.encodeError(error, "").body["error"] as Record<string, unknown>;
    const type = (anthropic.body["error"] as Record<string, unknown>)["type"];
    return [
      `\`${code}\``,
      String(error.status),
      `\`${String(openai["code"] ?? openai["type"])}\``,
      `${anthropic.status === error.status ? "" : `${anthropic.status} `}\`${String(type)}\``,
      `\`${String(gemini["status"])}\``,
      error.retryable ? "yes" : "no",
      errorTable[code].fix,
    ];
  });
  return `${made}# Errors

Every error has the shape and the words of the API the client speaks. An error of an upstream that speaks the client's dialect is passed on as it came,
except where it concerns the operator's own credential. \`x-should-retry: false\` stops SDKs from trying again where that cannot help;
\`retry-after\` and \`retry-after-ms\` are sent whenever the time is known. Inside a stream that has begun, an error is the dialect's own error event.

${table(["Code", "Status", "OpenAI", "Anthropic", "Gemini", "Retry", "What to do"], rows)}
`;
}

function cliPage(): string {
  const sections: string[] = [];
  const visit = (command: Command, path: string) => {
    for (const child of command.commands) {
      const name = `${path} ${child.name()}`;
      const args = child.registeredArguments
        .map((argument) =>
          argument.required ? `<${argument.name()}${argument.variadic ? "…" : ""}>` : `[${argument.name()}]`,
        )
        .join(" ");
      const isGroup = child.commands.length > 0 && child.options.length === 0;
      if (!isGroup) {
        const options = child.options.map((option) => `- \`${option.flags}\` ${option.description}`).join("\n");
        sections.push(
          `## ${name}${args === "" ? "" : ` ${args}`}\n\n${child.description()}.${options === "" ? "" : `\n\n${options}`}`,
        );
      }
      visit(child, name);
    }
  };
  visit(
    createProgram({}, () => {}),
    "trunkline",
  );
  return `${made}# Command line

From a checkout the command is \`npx trunkline …\`. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not running.

${sections.join("\n\n")}
`;
}

async function metricsPage(): Promise<string> {
  const metrics = createMetrics({
    queued: () => 0,
    dropped: () => 0,
    queues: () => [],
    active: () => 0,
    resting: () => [],
    limits: async () => [],
    killed: () => [],
  });
  const own = (await metrics.describe()).filter(({ name }) => !/^(process|nodejs)_/.test(name));
  return `${made}# Metrics

\`GET /metrics\` in Prometheus' text form, for a key or the admin's name and password (\`server.public_metrics\` opens it). The runtime's own
\`process_*\` and \`nodejs_*\` are there too. A model's name is a label value only once it has answered.

${table(
  ["Name", "Type", "What it counts"],
  own.map(({ name, type, help }) => [`\`${name}\``, type, help]),
)}
`;
}

function httpPage(): string {
  const others = [
    [
      "GET",
      "/v1/models, /v1/models/{id}, /v1beta/models, /v1beta/models/{id}",
      "Models this key may use, in the shape of the vendor whose header was sent: `anthropic-version`, `x-goog-api-key` (or `?key=`), else OpenAI's.",
    ],
    ["GET, DELETE", "/v1/responses/{id}", "A stored response."],
    ["GET", "/v1/responses/{id}/input_items", "What a stored response was made from."],
    ["GET", "/health", "Liveness; public."],
    [
      "GET",
      "/v1/health",
      "Database, ledger, providers and their accounts, targets that rest, limits, kill switches; needs a key.",
    ],
    [
      "GET",
      "/v1/usage/quota",
      "What is used up of the accounts' plans: `{accounts: [{provider, account, state, reason, until}], buckets: [{provider, account, type, status, utilization, resetsAt, …}], asOf}`; needs a key.",
    ],
    ["GET", "/metrics", "See [metrics](metrics.md)."],
    [
      "GET",
      "/admin/api/routes",
      "The routes, and what is wrong with them; `etag` stands for the configuration they are from.",
    ],
    [
      "PUT",
      "/admin/api/routes",
      "Writes `{routes}` into the configuration file, whose other settings and comments stay; with `If-Match`, only if nobody else has changed it. Taken within a second.",
    ],
    [
      "POST",
      "/admin/api/routes/explain",
      "What would happen to a request: `{model, request?, dialect?, operation?, headers?, key?, at?}`.",
    ],
    ["GET", "/admin/api/targets", "Targets that rest, until when and why."],
    ["DELETE", "/admin/api/targets/{provider}, …/{provider}/{model}", "Forgets why they rest."],
    ["GET", "/admin/api/limits", "What is used up of limits and budgets."],
    ["GET", "/admin/api/kill-switches", "Those in force; with `?all` those that were too."],
    ["POST", "/admin/api/kill-switches", "Sets one: `{scope, name?, reason?}`."],
    ["DELETE", "/admin/api/kill-switches/{scope}, …/{scope}/{name}", "Lifts one."],
  ];
  return `${made}# HTTP

A key is taken from \`Authorization: Bearer\`, \`x-api-key\`, \`x-goog-api-key\`, \`api-key\` or \`?key=\`. Bodies may be compressed with gzip, deflate, br or zstd.

## Model routes

${table(["Method", "Path"], [...modelPaths.map((path) => ["POST", `\`${path}\``]), ...geminiVerbs.map((verb) => ["POST", `\`/v1beta/models/{model}:${verb}\` (also under \`/v1\`)`])])}

\`streamGenerateContent\` answers server-sent events with \`alt=sse\`, else a JSON array.

## Other routes

${table(["Method", "Path", "What it answers"], others)}

\`/admin/api\` takes the admin's name and password (HTTP Basic, \`admin\`), not a client's key.

## Headers of requests

${table(
  ["Header", "What it says"],
  Object.entries(turnHeaders).map(([name, what]) => [`\`${name}\``, what]),
)}

## Headers of answers

${table(
  ["Header", "What it says"],
  Object.entries(answerHeaders).map(([name, what]) => [`\`${name}\``, what]),
)}

Of a client's headers only \`anthropic-version\`, \`anthropic-beta\` and \`openai-beta\` go on, and only to a provider of the same dialect.
A client's own \`x-request-id\` (8 to 128 of \`A-Z a-z 0-9 . _ : -\`) is kept.

## Long silences

On a stream that stays silent for \`server.heartbeat_seconds\` a sign of life is sent: \`event: ping\` to Anthropic's clients, a comment to the others.
Without a stream nothing can be sent before the answer is whole: behind a proxy that cuts silent connections, stream.
`;
}

function providersPage(): string {
  const rows = presetNames.map((name) => {
    const preset = presetOf(name);
    return [
      `\`${name}\``,
      preset.title,
      preset.baseUrl ?? "your own `base_url`",
      preset.dialects.join(", "),
      preset.keyVariables.map((variable) => `\`${variable}\``).join(", ") || "none",
      preset.embeddings ? "yes" : "no",
    ];
  });
  return `${made}# Providers

## Presets (kind \`http-api\`)

${table(["Preset", "Vendor", "Address", "Dialects", "Key from", "Embeddings"], rows)}

## Other kinds

| Kind | What it is |
|---|---|
| \`ai-sdk\` | Any provider package of the AI SDK (interface versions 3 and 4), installed with \`npx trunkline modules add\`. |
| \`llama-file\` | A GGUF file on this machine through node-llama-cpp, installed with \`npx trunkline modules add node-llama-cpp\`. |
| \`embedded\` | \`trunkline/echo\`, built in: repeats what it is sent. See [try it without a model](../guides/try-without-a-model.md). |
`;
}

/** Every generated page by its file name. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    "cli.md": cliPage(),
    "config.md": configPage(),
    "config.schema.json": `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
    "errors.md": errorsPage(),
    "http.md": httpPage(),
    "metrics.md": await metricsPage(),
    "providers.md": providersPage(),
  };
}

if (import.meta.main) {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(await referencePages())) writeFileSync(join(folder, name), text);
}
