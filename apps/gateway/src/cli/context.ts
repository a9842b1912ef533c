import { openStore, type Store } from "@trunkline/store";
import type { Environment } from "../config/environment.ts";
import { homeOf, prepareHome, secretBoxOf, type Home } from "../config/home.ts";
import { loadConfig } from "../config/load-config.ts";

/** Exit codes, the same for every command. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, notRunning: 3 } as const;

/** A failure to be told in one line, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What every command works with. */
export type CommandContext = {
  readonly environment: Environment;
  readonly home: Home;
  readonly json: boolean;
  /** Prints a result: as JSON with `--json`, else as the text. */
  print(value: unknown, text: () => string): void;
};

export function createContext(environment: Environment, json: boolean): CommandContext {
  return {
    environment,
    home: homeOf(environment),
    json,
    print(value, text) {
      const out = json ? JSON.stringify(value, null, 2) : text();
      if (out !== "") console.log(out);
    },
  };
}

/** Opens the store beside a running server; both may write. */
export async function withStore<T>(context: CommandContext, use: (store: Store) => Promise<T>): Promise<T> {
  prepareHome(context.home);
  const config = loadConfig(context.home.configFile, context.environment);
  const store = await openStore({
    location: config.database ?? context.home.databaseFile,
    secretBox: secretBoxOf(context.home),
    now: Date.now,
  });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Rows as columns under headings; nothing for no rows. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
  return [line(headings), ...rows.map(line)].join("\n");
}
