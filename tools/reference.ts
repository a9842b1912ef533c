import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorTable, GatewayError, type ErrorCode } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { oauthPresetNames, oauthPresetOf, presetNames, presetOf } from "@trunkline/providers";
import type { Command } from "commander";
import { configJsonSchema } from "../apps/gateway/src/cli/commands/config.ts";
import { createProgram } from "../apps/gateway/src/cli/program.ts";
import { environmentVariables } from "../apps/gateway/src/config/environment.ts";
import { createMetrics } from "../apps/gateway/src/observe/metrics.ts";
import { adminPage } from "./reference/admin-page.ts";
import { httpPage } from "./reference/http-page.ts";
import { made, table } from "./reference/table.ts";
import { workersPage } from "./reference/workers-page.ts";

// The reference pages, made from the code. `node tools/reference.ts` writes them; a test fails when they are not what is written here.

const folder = join(import.meta.dirname, "../docs/reference");
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

\`server.host\`, \`server.port\`, \`database\` and most of \`jobs\` take effect at the next start.

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
    lagMs: () => 0,
    accounts: async () => [],
    plans: async () => [],
    tasks: async () => ({}),
    workers: () => [],
    services: async () => [],
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
  const oauthRows = oauthPresetNames.map((name) => {
    const { title, issuer, scopes, api } = oauthPresetOf(name);
    return [`\`${name}\``, title, issuer, scopes.map((scope) => `\`${scope}\``).join(", "), `\`${api}\``];
  });
  return `${made}# Providers

## Presets (kind \`http-api\`)

${table(["Preset", "Vendor", "Address", "Dialects", "Key from", "Embeddings"], rows)}

## Presets (kind \`oauth-session\`)

They name addresses and scopes; the client is always your own.

${table(["Preset", "What for", "Authorization server", "Scopes", "API"], oauthRows)}

## Other kinds

| Kind | What it is |
|---|---|
| \`ai-sdk\` | Any provider package of the AI SDK (interface versions 3 and 4), installed with \`npx trunkline modules add\`. |
| \`llama-file\` | A GGUF file on this machine through node-llama-cpp, installed with \`npx trunkline modules add node-llama-cpp\`. |
| \`custom\` | A module of your own. See [custom providers](../guides/custom-providers.md). |
| \`cli-process\` | A vendor's program and its log-in. See [subscriptions](../guides/subscriptions.md). |
| \`oauth-session\` | An HTTP API reached with the tokens of a sign-in. See [sign-in](../guides/sign-in.md). |
| \`token-exchange\` | An HTTP API that takes short-lived tokens, which a long-lived credential is exchanged for. See [sign-in](../guides/sign-in.md). |
| \`browser-worker\` | An API reached through workers: from another network, or from a signed-in browser. See [workers](../guides/workers.md). |
| \`http-service\` | A program that the gateway starts, watches and asks. See [services](../guides/services.md). |
| \`embedded\` | \`trunkline/echo\`, built in: repeats what it is sent. See [try it without a model](../guides/try-without-a-model.md). |
`;
}

/** Every generated page by its file name. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    "admin-api.md": adminPage(),
    "cli.md": cliPage(),
    "config.md": configPage(),
    "config.schema.json": `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
    "errors.md": errorsPage(),
    "http.md": httpPage(),
    "metrics.md": await metricsPage(),
    "providers.md": providersPage(),
    "workers.md": workersPage(),
  };
}

if (import.meta.main) {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(await referencePages())) writeFileSync(join(folder, name), text);
}
