import fc from "fast-check";
import { expect, test } from "vitest";
import { compileCapture, compileGlob } from "./glob.ts";

test.each([
  ["gpt-4", "gpt-4", []],
  ["gpt-4", "GPT-4", []],
  ["gpt-4", "gpt-4o", undefined],
  ["gpt-*", "gpt-4o", ["4o"]],
  ["*/claude-*", "anthropic/claude-x", ["anthropic", "x"]],
  ["a?c", "abc", []],
  ["a?c", "ac", undefined],
  ["**", "x", ["x"]],
  ["*", "", [""]],
  ["a*a", "a", undefined],
  ["a.c", "abc", undefined],
  ["*b*", "abab", ["a", "ab"]],
])("%j of %j", (pattern, name, captures) => {
  expect(compileCapture(pattern)(name)).toEqual(captures);
});

test("agrees with the regular expression it stands for", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
  const glob = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "/"), maxLength: 6 });
  fc.assert(
    fc.property(glob, word, (pattern, name) => {
      const expression = new RegExp(`^${pattern.replace(/\*+/g, "[^]*").replace(/\?/g, "[^]")}$`);
      expect(compileGlob(pattern)(name)).toBe(expression.test(name));
    }),
    { numRuns: 2000 },
  );
});

test("a glob of many stars takes no time over a long name", () => {
  expect(compileGlob(`${"*a".repeat(40)}*b`)("a".repeat(256))).toBe(false);
});
