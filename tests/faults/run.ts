import { scenarios } from "./scenarios.ts";

// `npm run test:faults [-- name …]`: what goes wrong around a gateway, made to go wrong. Takes minutes, so the suite leaves it out.

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}. There are ${scenarios.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}

let failed = 0;
for (const { name, what, needsRoot, run } of scenarios) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  if (needsRoot && process.getuid?.() !== 0) {
    console.log(`${name}: ${what}\n  skipped: needs root, to mount a small disk`);
    continue;
  }
  console.log(`${name}: ${what}`);
  try {
    for (const [figure, value] of Object.entries(await run()))
      console.log(`  ${figure}: ${typeof value === "number" ? Number(value.toFixed(value < 10 ? 2 : 0)) : value}`);
  } catch (error) {
    failed++;
    console.log(`  FAILED: ${error instanceof Error ? error.message : String(error)}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
