import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a made-up program does at a turn. */
export type FakeTurn = {
  readonly lines?: readonly string[];
  readonly stderr?: string;
  /** It ends with this code after the turn; absent, it waits for the next. */
  readonly code?: number;
  /** It falls silent. */
  readonly hang?: boolean;
  /** Characters written at once. */
  readonly pieces?: number;
  /** Between lines; a line feed when absent. */
  readonly separator?: string;
};

export type FakePlan = {
  readonly version?: string;
  /** `claude`: its control protocol; `lines`: a line of input is a turn; `once`: all of the input is. */
  readonly protocol: "claude" | "lines" | "once";
  /** Taken in order, again from the first. */
  readonly turns: readonly FakeTurn[];
  readonly ignoreTerm?: boolean;
  readonly grandchild?: boolean;
  readonly readsNothing?: boolean;
  /** A file that gets a line for each start and each end. */
  readonly log?: string;
};

/** Puts a program of this name into a folder; returns its path. The plan may be changed by calling again. */
export function makeProgram(folder: string, name: string, plan: FakePlan): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  copyFileSync(join(import.meta.dirname, "program.mjs"), file);
  chmodSync(file, 0o755);
  writeFileSync(join(folder, "plan.json"), JSON.stringify({ version: "9.9.9", ...plan }));
  return file;
}

const recordings = join(import.meta.dirname, "../../recordings");

/** A recording of a real program: its lines of output, and its standard error. */
export function recordedLines(name: string): string[] {
  return readFileSync(join(recordings, `${name}.ndjson`), "utf8")
    .split("\n")
    .filter(Boolean);
}

export function recordedError(name: string): string {
  return readFileSync(join(recordings, `${name}.err`), "utf8");
}
