import { hash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createAnswerArena } from "./answer-arena.ts";

const hashed = (name: string) => hash("sha256", name, "latin1");

test("what is found is what was put there last, and never out of date", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e");
  const put = fc.record({ name, size: fc.integer({ min: 0, max: 60 }), until: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(fc.array(put, { maxLength: 60 }), fc.integer({ min: 0, max: 10 }), (puts, now) => {
      const arena = createAnswerArena(500, 110);
      const last = new Map<string, { text: string; until: number }>();
      for (const [index, { name: where, size, until }] of puts.entries()) {
        const text = String.fromCharCode(97 + (index % 26)).repeat(size);
        arena.set(hashed(where), [Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))], until);
        last.set(where, { text, until });
      }
      for (const [where, { text, until }] of last) {
        const found = arena.get(hashed(where), now);
        if (found) expect([found.toString(), until > now]).toEqual([text, true]);
      }
      // The newest is always there.
      const newest = puts.at(-1);
      if (newest && newest.until > now) expect(arena.get(hashed(newest.name), now)?.length).toBe(newest.size);
    }),
  );
});

test("memory is bounded and the oldest goes first", () => {
  const arena = createAnswerArena(4 * 1024 * 1024, 1024 * 1024);
  const body = Buffer.alloc(200_000, 1);
  for (let number = 0; number < 40; number++) arena.set(hashed(String(number)), [body], 1);
  const found = Array.from({ length: 40 }, (_, number) => arena.get(hashed(String(number)), 0) !== undefined);
  expect(found.lastIndexOf(false)).toBeLessThan(found.indexOf(true));
  expect(found.filter(Boolean).length).toBeGreaterThan(12);
});
