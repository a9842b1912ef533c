import { agy } from "./agy/driver.ts";
import { claude } from "./claude/driver.ts";
import { codex } from "./codex/driver.ts";
import { gemini } from "./gemini/driver.ts";
import type { Driver } from "./driver.ts";
import type { DriverName } from "./load.ts";

export { createCommandDriver } from "./command/driver.ts";
export type { ProgramConfig } from "./command/program-config.ts";
export { findProgram, type FoundProgram } from "./process/find-program.ts";
export { createCliProvider } from "./cli-provider.ts";

export const drivers: Readonly<Record<DriverName, Driver>> = { claude, codex, agy, gemini };
