#!/usr/bin/env node
// A vendor's program as its recordings show it. What it does is in plan.json beside it; see make-program.ts.
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const plan = JSON.parse(readFileSync(join(import.meta.dirname, "plan.json"), "utf8"));

if (process.argv.includes("--version")) {
  process.stdout.write(`${plan.version}\n`);
  process.exit(0);
}

if (plan.log) {
  appendFileSync(plan.log, `+${process.pid}\n`);
  process.on("exit", () => appendFileSync(plan.log, `-${process.pid}\n`));
  process.on("SIGTERM", () => process.exit(143));
}
if (plan.ignoreTerm) process.on("SIGTERM", () => {});
// A child of its own that outlives it unless the whole group is killed.
if (plan.grandchild) spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });

// Accounts share the program; each may begin at another turn of the plan.
let turn = Number(process.env["FAKE_TURN"] ?? 0);

function write(text) {
  return new Promise((resolve) => process.stdout.write(text, resolve));
}

/** Says what the plan has for this turn, in pieces if it wants. */
async function answer() {
  const { lines = [], stderr = "", code, hang, pieces, separator = "\n" } = plan.turns[turn++ % plan.turns.length];
  const text = lines.map((line) => line + separator).join("");
  const size = pieces ?? (text.length || 1);
  for (let from = 0; from < text.length; from += size) await write(text.slice(from, from + size));
  if (stderr) process.stderr.write(stderr);
  if (hang) return void setInterval(() => {}, 1000);
  if (code !== undefined) process.exit(code);
}

if (plan.protocol === "claude") {
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const event = JSON.parse(line);
      if (event.type === "control_request" && event.request.subtype === "initialize") {
        const response = { subtype: "success", request_id: event.request_id, response: {} };
        void write(`${JSON.stringify({ type: "control_response", response })}\n`);
      } else if (event.type === "user" && event.shouldQuery === false)
        void write(`${JSON.stringify({ type: "result", subtype: "success", is_error: false, num_turns: 0 })}\n`);
      else if (event.type === "user") void answer();
    })
    .on("close", () => process.exit(0));
} else if (plan.protocol === "lines") {
  createInterface({ input: process.stdin })
    .on("line", () => void answer())
    .on("close", () => process.exit(0));
} else if (plan.readsNothing) {
  await answer();
} else {
  process.stdin.resume().on("end", () => void answer());
}
