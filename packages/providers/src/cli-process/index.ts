import { claude } from "./claude/driver.ts";
import { codex } from "./codex/driver.ts";
import { gemini } from "./gemini/driver.ts";
import type { Driver } from "./driver.ts";
import type { DriverName } from "./load.ts";

export { createCliProvider } from "./cli-provider.ts";

export const drivers: Readonly<Record<DriverName, Driver>> = { claude, codex, gemini };
