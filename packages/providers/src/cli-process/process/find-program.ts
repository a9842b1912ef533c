import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { GatewayError } from "@trunkline/contracts";
import type { Driver } from "../driver.ts";
import { childEnvironment } from "../../shared/child-environment.ts";

export type FoundProgram = {
  readonly command: string;
  /** Arguments that come before all others: the script, where the command is an interpreter. */
  readonly leading: readonly string[];
  readonly version: string;
};

/** Milliseconds a program gets to tell its version; gemini takes 3 s. */
const versionMs = 20_000;

function onPath(command: string, path: string): string | undefined {
  const candidates = isAbsolute(command) ? [command] : path.split(delimiter).map((folder) => join(folder, command));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}

/** Compares dotted numbers: negative when `a` is older. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function ask(command: string, environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      ["--version"],
      // In no person's home, so that nothing of it is read or written.
      { timeout: versionMs, env: childEnvironment(environment, "/nonexistent"), cwd: "/" },
      (error, stdout, stderr) => {
        const version = /\d+\.\d+(?:\.\d+)*/.exec(`${stdout}\n${stderr}`)?.[0];
        if (version !== undefined) resolve(version);
        else reject(error ?? new Error("it told none"));
      },
    );
    child.stdin?.end();
  });
}

/** A script for Node is run by the Node we run on: the one on PATH may be too old, and its launcher is one process more. */
function interpreterOf(file: string): Pick<FoundProgram, "command" | "leading"> {
  const real = realpathSync(file);
  if (!/\.[cm]?js$/.test(real)) return { command: file, leading: [] };
  const first = readFileSync(real, "latin1").slice(0, 128).split("\n")[0]!;
  return /^#!.*\bnode\b/.test(first) ? { command: process.execPath, leading: [real] } : { command: file, leading: [] };
}

const versions = new Map<string, string>();

/** Finds a vendor's program and asks for its version, once a file. Throws `program_missing`. */
export async function findProgram(
  driver: Driver,
  command: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<FoundProgram> {
  const file = onPath(command, environment["PATH"] ?? "");
  if (file === undefined) {
    throw new GatewayError(
      "program_missing",
      `${driver.title} ('${command.split("/").at(-1)}') is not installed or not on the gateway's PATH. ${driver.install}`,
    );
  }
  const real = realpathSync(file);
  const key = `${driver.name} ${real} ${statSync(real).mtimeMs}`;
  let version = versions.get(key) ?? driver.version?.(real);
  if (version === undefined) {
    try {
      version = await ask(file, environment);
    } catch (error) {
      throw new GatewayError("program_missing", `${driver.title} could not be asked for its version.`, {
        cause: error,
      });
    }
  }
  versions.set(key, version);
  if (compareVersions(version, driver.oldest) < 0) {
    throw new GatewayError(
      "program_missing",
      `${driver.title} ${version} is too old: ${driver.oldest} or newer is needed. ${driver.install}`,
    );
  }
  return { ...(driver.launcher?.(real) ?? interpreterOf(file)), version };
}
