import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createSecretBox, type SecretBox } from "@trunkline/store";
import type { Environment } from "./environment.ts";

/** Where everything of one installation lives; all of it is the owner's alone. */
export type Home = {
  readonly folder: string;
  readonly configFile: string;
  readonly databaseFile: string;
  readonly secretFile: string;
  readonly logFile: string;
  readonly runFolder: string;
  /** Running children of vendors' programs, written down for the next start. */
  readonly childrenFolder: string;
  /** Homes of the accounts of vendors' programs: `<provider>/<account>`. */
  readonly accountsFolder: string;
  /** npm packages an operator added: AI SDK providers, node-llama-cpp. */
  readonly modulesFolder: string;
};

export function homeOf(environment: Environment): Home {
  const folder = environment["TRUNKLINE_HOME"] || join(environment["HOME"] || homedir(), ".trunkline");
  return {
    folder,
    configFile: join(folder, "trunkline.yaml"),
    databaseFile: join(folder, "trunkline.db"),
    secretFile: join(folder, "secret.key"),
    logFile: join(folder, "logs", "trunkline.log"),
    runFolder: join(folder, "run"),
    childrenFolder: join(folder, "run", "children"),
    accountsFolder: join(folder, "accounts"),
    modulesFolder: join(folder, "modules"),
  };
}

const firstConfig = `# Trunkline's settings. docs/reference/config.md lists all of them; config.example.yaml shows them in use.
# Changes take effect when the file is saved. \`npx trunkline config check\` tells what is wrong with it.

# API keys in the environment and model servers on this machine are found by themselves:
discover: true

# providers:
#   openai:
#     api_key: \${OPENAI_API_KEY}
#   my-server:
#     preset: openai-compatible
#     base_url: http://127.0.0.1:9000/v1
`;

/** Makes the folder and its files where they are missing, and takes everyone else's rights away where they are not. */
export function prepareHome(home: Home): void {
  for (const folder of [home.folder, join(home.folder, "logs"), home.runFolder]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  }
  if (!existsSync(home.configFile)) writeFileSync(home.configFile, firstConfig, { mode: 0o600 });
}

/**
 * What every hash and every sealed value hangs on, 32 bytes a line, oldest first; the first is made at the first start. Throws when the
 * file is not one of ours.
 */
function readRoots(home: Home): Buffer[] {
  if (!existsSync(home.secretFile)) {
    // `wx`: of two first starts at once, one makes the file and the other reads it.
    try {
      writeFileSync(home.secretFile, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  chmodSync(home.secretFile, 0o600);
  const roots = readFileSync(home.secretFile, "utf8")
    .trim()
    .split(/\s+/)
    .map((line) => Buffer.from(line, "hex"));
  if (roots.some((root) => root.length !== 32))
    throw new Error(
      `${home.secretFile} does not hold 32 bytes in hex a line. Restore it from a backup: without it no stored key can be checked.`,
    );
  return roots;
}

/** Puts a new root below the others, which still open what was sealed under them. */
export function addRoot(home: Home): void {
  const lines = readRoots(home).map((root) => root.toString("hex"));
  const next = `${home.secretFile}.next`;
  writeFileSync(next, [...lines, randomBytes(32).toString("hex"), ""].join("\n"), { mode: 0o600 });
  // In one step: whoever reads it meanwhile finds the old file or the new one, whole.
  renameSync(next, home.secretFile);
}

export function secretBoxOf(home: Home): SecretBox {
  return createSecretBox(() => readRoots(home));
}
