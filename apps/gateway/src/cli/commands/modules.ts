import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError, exitCodes, table, type CommandContext } from "../context.ts";

/** A package name with an optional version, and nothing npm would take for an option or an address. */
const packageName = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*(@[a-z0-9.^~<>=*-]+)?$/i;

function manifest(context: CommandContext): { dependencies?: Record<string, string> } {
  const file = join(context.home.modulesFolder, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { dependencies?: Record<string, string> }) : {};
}

/** Installs npm packages the gateway loads on demand into the home folder: AI SDK providers, node-llama-cpp. */
export async function addModules(context: CommandContext, names: readonly string[]): Promise<number> {
  const wrong = names.find((name) => !packageName.test(name));
  if (wrong !== undefined) throw new CommandError(`'${wrong}' is not the name of an npm package.`, exitCodes.usage);
  const folder = context.home.modulesFolder;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "package.json");
  if (!existsSync(file)) writeFileSync(file, JSON.stringify({ private: true, type: "module" }));
  // Optional parts of node-llama-cpp are half a gigabyte of GPU builds; the plain one for this machine is asked for by name.
  const llama = names.find((name) => /^node-llama-cpp(@|$)/.test(name));
  const platform = process.platform === "darwin" ? "mac" : process.platform === "win32" ? "win" : "linux";
  const extra =
    llama === undefined ? [] : [llama.replace("node-llama-cpp", `@node-llama-cpp/${platform}-${process.arch}`)];
  const ended = spawnSync(
    "npm",
    ["install", "--omit=optional", "--no-audit", "--no-fund", "--save-exact", "--ignore-scripts", ...names, ...extra],
    {
      cwd: folder,
      stdio: context.json ? ["ignore", "ignore", "inherit"] : ["ignore", "inherit", "inherit"],
    },
  );
  if (ended.status !== 0) throw new CommandError("npm could not install the packages; its message stands above.");
  context.print(
    { folder, installed: manifest(context).dependencies ?? {} },
    () => `Installed in ${folder}. Restart the gateway to load them.`,
  );
  return exitCodes.ok;
}

export async function listModules(context: CommandContext): Promise<number> {
  const installed = manifest(context).dependencies ?? {};
  context.print(installed, () =>
    Object.keys(installed).length === 0
      ? "No modules are installed. Add one with `npx trunkline modules add @ai-sdk/amazon-bedrock`."
      : table(["PACKAGE", "VERSION"], Object.entries(installed)),
  );
  return exitCodes.ok;
}
