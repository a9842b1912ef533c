import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installSystemPackages } from "./install-system.ts";

// `npm test` runs everything; `npm run check` what needs no server and takes seconds.

const root = join(import.meta.dirname, "..");
const resultsFile = join(root, ".cache", "test-results.json");

type Step = { readonly name: string; readonly command: string; readonly args: readonly string[] };

const quick: readonly Step[] = [
  { name: "format", command: "oxfmt", args: ["--check", "."] },
  { name: "lint", command: "oxlint", args: ["--deny-warnings"] },
  { name: "types", command: "tsc", args: [] },
  { name: "types of the web app", command: "tsc", args: ["-p", "apps/web"] },
  { name: "unused code", command: "knip", args: ["--no-progress"] },
];

function run({ name, command, args }: Step): boolean {
  console.log(`\n── ${name}`);
  const from = performance.now();
  const ended = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (ended.error) console.error(`${command} could not be started: ${ended.error.message}`);
  console.log(`   ${ended.status === 0 ? "ok" : "failed"} in ${((performance.now() - from) / 1000).toFixed(1)} s`);
  return ended.status === 0;
}

function suites(filters: readonly string[]): boolean {
  mkdirSync(join(root, ".cache"), { recursive: true });
  return run({
    name: "suites",
    command: "vitest",
    args: ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${resultsFile}`, ...filters],
  });
}

const [mode, ...filters] = process.argv.slice(2);
if (mode === "check") {
  process.exitCode = quick.every(run) ? 0 : 1;
} else {
  installSystemPackages();
  const checks = filters.length > 0 ? [] : quick.map(run);
  const passed = suites(filters);
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(resultsFile, "utf8")) as {
    numPassedTests: number;
    numFailedTests: number;
  };
  if (checks.includes(false)) console.log("\nA check before the suites failed; see above.");
  console.log(`\n${numPassedTests} passed, ${numFailedTests} failed`);
  process.exitCode = passed && !checks.includes(false) ? 0 : 1;
}
