#!/usr/bin/env node
// Plain JavaScript on purpose: it must load under any Node a machine happens to have, to hand over to the pinned one.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const oldestThatRuns = 24;
const entry = new URL("../src/cli/main.ts", import.meta.url);

if (Number(process.versions.node.split(".")[0]) >= oldestThatRuns) {
  await import(entry.href);
} else {
  const pinned = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
  if (!existsSync(pinned)) {
    console.error(
      `Trunkline needs Node ${oldestThatRuns} or newer and found ${process.version}. Run \`npm start\` in the checkout: it brings its own.`,
    );
    process.exit(1);
  }
  const child = spawn(pinned, [fileURLToPath(entry), ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both: the child decides when to end. Anything else is passed on.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
