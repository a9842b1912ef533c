import { CommanderError } from "commander";
import type { Environment } from "../config/environment.ts";
import { ConfigError } from "../config/load-config.ts";
import { StartError } from "../process/setup.ts";
import { CommandError, exitCodes } from "./context.ts";
import { createProgram } from "./program.ts";

/** Runs one command line. Returns the exit code; mistakes are told in a line on standard error, never as a stack. */
export async function runCli(argv: readonly string[], environment: Environment): Promise<number> {
  let run: (() => Promise<number>) | undefined;
  const program = createProgram(environment, (given) => {
    run = given;
  });
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return exitCodes.usage;
    }
    program.parse([...argv], { from: "user" });
    return (await run?.()) ?? exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return tell(error, argv.includes("--json"));
  }
}

function tell(error: unknown, json: boolean): number {
  const known = error instanceof CommandError || error instanceof ConfigError || error instanceof StartError;
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const problems = error instanceof ConfigError ? { problems: error.problems } : {};
    console.error(JSON.stringify({ error: message, ...problems }));
  } else console.error(known ? message : `error: ${message}`);
  return error instanceof CommandError ? error.exitCode : exitCodes.failed;
}
