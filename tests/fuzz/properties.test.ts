import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonValue } from "@trunkline/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { properties } from "./properties.ts";

// The same inputs at every run; `npm run test:fuzz` looks for new ones.
test.each(properties)("$name", ({ inputs, check }) => {
  fc.assert(fc.property(inputs, check), { numRuns: 300, seed: 20_261_121 });
});

const corpus = join(import.meta.dirname, "corpus");

test.each(readdirSync(corpus).filter((file) => file.endsWith(".json")))("once found: %s", (file) => {
  const kept = JSON.parse(readFileSync(join(corpus, file), "utf8")) as { property: string; input: JsonValue };
  const property = properties.find(({ name }) => name === kept.property);
  expect(property).toBeDefined();
  property!.check(kept.input);
});
