import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { compileConfigRoutes } from "../../compile-config-routes.ts";
import { importConfig, importSources } from "../../config/import/import-config.ts";
import { loadConfig, parseConfig } from "../../config/load-config.ts";
import { configSchema } from "../../config/schema.ts";
import { CommandError, exitCodes, type CommandContext } from "../context.ts";

export async function checkConfig(context: CommandContext, file: string | undefined): Promise<number> {
  const path = file === undefined ? context.home.configFile : resolve(file);
  if (file !== undefined && !existsSync(path)) throw new CommandError(`There is no file ${path}.`);
  const config = loadConfig(path, context.environment);
  // Only their names count here: the built-in one is always there.
  const names = ["trunkline", ...Object.keys(config.providers)].map((name) => ({ name }));
  const { problems } = await compileConfigRoutes(config, names);
  context.print({ ok: problems.length === 0, file: path, providers: Object.keys(config.providers), problems }, () =>
    problems.length === 0
      ? `${path} is fine.`
      : [
          `${path} has routes with mistakes; the others go on:`,
          ...problems.map(({ pattern, problem }) => `  ${pattern || "a route"}: ${problem}`),
        ].join("\n"),
  );
  return problems.length === 0 ? exitCodes.ok : exitCodes.failed;
}

const secretNames = /key|secret|token|password|authorization/i;

/** Anything that could be a credential is shown as its first characters. */
function masked(value: unknown, name = ""): unknown {
  if (typeof value === "string" && secretNames.test(name)) return value === "" ? "" : `${value.slice(0, 4)}…`;
  if (typeof value === "string") return value.replace(/\/\/([^:/@]+):[^@]+@/, "//$1:…@");
  if (Array.isArray(value)) return value.map((item) => masked(item, name));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, masked(member, key)]));
}

export async function showConfig(context: CommandContext): Promise<number> {
  const config = masked(loadConfig(context.home.configFile, context.environment));
  context.print(config, () => JSON.stringify(config, null, 2));
  return exitCodes.ok;
}

export async function configPath(context: CommandContext): Promise<number> {
  context.print({ path: context.home.configFile }, () => context.home.configFile);
  return exitCodes.ok;
}

export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: "input", target: "draft-7" });
}

export async function configSchemaCommand(): Promise<number> {
  console.log(JSON.stringify(configJsonSchema(), null, 2));
  return exitCodes.ok;
}

/** Translates another gateway's file. What has no counterpart is said, never dropped in silence. */
export async function importConfigCommand(
  context: CommandContext,
  source: string,
  file: string,
  options: { readonly out?: string; readonly force?: boolean },
): Promise<number> {
  const known = importSources.find((name) => name === source);
  if (known === undefined)
    throw new CommandError(`Import knows ${importSources.join(", ")}, not '${source}'.`, exitCodes.usage);
  if (!existsSync(file)) throw new CommandError(`There is no file ${resolve(file)}.`);
  const imported = importConfig(known, readFileSync(file, "utf8"), file);
  // What was written must be readable again; references to the environment need not be set yet.
  parseConfig(imported.yaml.replace(/\$\{\w+\}/g, "placeholder"), "imported", {});
  if (options.out !== undefined) {
    if (existsSync(options.out) && !options.force)
      throw new CommandError(`${resolve(options.out)} exists already; add --force to replace it.`);
    writeFileSync(options.out, imported.yaml, { mode: 0o600 });
  }
  context.print({ yaml: imported.yaml, notes: imported.notes, clients: imported.clients }, () =>
    options.out === undefined ? imported.yaml : `Wrote ${resolve(options.out)}.`,
  );
  if (!context.json) for (const note of imported.notes) console.error(`note: ${note}`);
  return exitCodes.ok;
}
