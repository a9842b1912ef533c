#!/usr/bin/env node
// Plain JavaScript on purpose: it must load under any Node a machine happens to have, to hand over to the pinned one.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const oldestThatRuns = 24;
const entry = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

if (Number(process.versions.node.split(".")[0]) >= oldestThatRuns) {
  await import(entry);
} else {
  const pinned = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
  if (!existsSync(pinned)) {
    console.error(
      `Trunkline needs Node ${oldestThatRuns} or newer and found ${process.version}. Run \`npm install\` in the checkout: it brings its own.`,
    );
    process.exit(1);
  }
  const ended = spawnSync(pinned, [entry, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exit(ended.status ?? 1);
}
