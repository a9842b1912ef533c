#!/usr/bin/env node
// Plain JavaScript on purpose: it must load under any Node a machine happens to have, to hand over to the pinned one; and where the
// compiled modules are cached already, nothing has to be stripped of its types at all.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

const oldestThatRuns = 24;

if (Number(process.versions.node.split(".")[0]) >= oldestThatRuns) {
  // Beside the packages, where only who installed them writes: compiled code is trusted as it is.
  nodeModule.enableCompileCache(fileURLToPath(new URL("../../../node_modules/.cache/trunkline", import.meta.url)));
  // Room in the young generation for a few hundred requests under way at once: with less, each outlives two minor collections and is
  // moved to the old one, which costs more than answering it. Less memory is used this way, not more.
  setFlagsFromString("--max-semi-space-size=32");
  // Memory outside the heap, where request bodies lie, counts with the heap's own growth. By itself every 64 MB of it would make V8 go
  // through the whole heap, many times a second under large requests.
  setFlagsFromString("--external-memory-accounted-in-global-limit");
  // But loading modules makes much garbage that survives a little: the young generation must not grow to its full size over that.
  setFlagsFromString("--semi-space-growth-factor=1");
  const { runCli } = await import("../src/cli/run-cli.ts");
  process.exitCode = await runCli(process.argv.slice(2), process.env);
} else {
  const pinned = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
  if (!existsSync(pinned)) {
    console.error(
      `Trunkline needs Node ${oldestThatRuns} or newer and found ${process.version}. Run \`npm start\` in the checkout: it brings its own.`,
    );
    process.exit(1);
  }
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both: the child decides when to end. Anything else is passed on.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
