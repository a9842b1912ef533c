import { expect, test } from "vitest";
import { borrow, release } from "./buffer-pool.ts";

const mib = 1024 * 1024;

test("only middling sizes are lent, with room for them, and what comes back is lent again", () => {
  expect(borrow(1000)).toBeUndefined();
  expect(borrow(5 * mib)).toBeUndefined();
  const first = borrow(200_000)!;
  expect(first.length).toBe(262_144);
  const second = borrow(200_000)!;
  expect(second).not.toBe(first);
  release(first);
  expect(borrow(250_000)).toBe(first);
  release(first);
  release(second);
});

test("announcing much takes nothing beyond a bound, and everything is there again afterwards", () => {
  const lend = () => {
    const lent: Buffer[] = [];
    for (let buffer = borrow(4 * mib); buffer; buffer = borrow(4 * mib)) lent.push(buffer);
    return lent;
  };
  const all = lend();
  expect(all).toHaveLength(32);
  for (const buffer of all) release(buffer);
  const again = lend();
  expect(again).toHaveLength(32);
  for (const buffer of again) release(buffer);
});
