import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { properties, type Property } from "./properties.ts";

// `npm run test:fuzz -- --minutes 10 --dialect gemini`: tries the properties on new inputs until the time is over. What breaks one is
// made as small as it will get and kept in corpus/, which the suite replays ever after.

const { values: options } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, dialect: { type: "string" }, seed: { type: "string" } },
});
const chosen = properties.filter(({ dialect }) => options.dialect === undefined || dialect === options.dialect);
if (chosen.length === 0) throw new Error(`there is no dialect ${options.dialect}`);
const until = performance.now() + Number(options.minutes) * 60_000;
const corpus = join(import.meta.dirname, "corpus");
let seed = Number(options.seed ?? Date.now() % 2 ** 31);
const runs = new Map<string, number>();
const broken = new Set<string>();

function keep(property: Property, input: unknown, error: unknown): void {
  broken.add(property.name);
  const text = JSON.stringify({ property: property.name, input }, null, 1);
  const file = join(corpus, `${property.dialect}-${createHash("sha256").update(text).digest("hex").slice(0, 8)}.json`);
  mkdirSync(corpus, { recursive: true });
  writeFileSync(file, `${text}\n`);
  console.error(
    `${property.name} is broken; kept as ${file}\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
}

while (performance.now() < until && broken.size < chosen.length) {
  for (const property of chosen) {
    if (broken.has(property.name)) continue;
    const result = fc.check(fc.property(property.inputs, property.check), { numRuns: 500, seed: seed++ });
    runs.set(property.name, (runs.get(property.name) ?? 0) + result.numRuns);
    if (result.failed) keep(property, result.counterexample![0], result.errorInstance);
  }
}
for (const [name, count] of runs) console.log(`${name}: ${count} inputs${broken.has(name) ? ", BROKEN" : ""}`);
process.exitCode = broken.size > 0 ? 1 : 0;
