import type { Key } from "@trunkline/contracts";
import { compileGlob } from "./glob.ts";

const compiled = new WeakMap<readonly string[], readonly ((name: string) => boolean)[]>();

/** Whether a key may use a model, by any of the names it goes by. */
export function isModelAllowed(key: Key, ...names: readonly string[]): boolean {
  if (key.models.length === 0) return true;
  let tests = compiled.get(key.models);
  if (!tests) compiled.set(key.models, (tests = key.models.map(compileGlob)));
  return tests.some((test) => names.some(test));
}
