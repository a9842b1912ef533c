import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
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

/** The 32 bytes every hash and every sealed value hangs on; made at the first start. Throws when the file is not one of ours. */
export function readSecret(home: Home): Buffer {
  if (!existsSync(home.secretFile)) {
    // `wx`: of two first starts at once, one makes the file and the other reads it.
    try {
      writeFileSync(home.secretFile, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  chmodSync(home.secretFile, 0o600);
  const secret = Buffer.from(readFileSync(home.secretFile, "utf8").trim(), "hex");
  if (secret.length !== 32)
    throw new Error(
      `${home.secretFile} does not hold 32 bytes in hex. Restore it from a backup: without it no stored key can be checked.`,
    );
  return secret;
}
