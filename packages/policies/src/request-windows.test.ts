import { expect, test } from "vitest";
import { createRequestWindows } from "./request-windows.ts";

const minute = 60_000;

test("a window takes as many as its limit and begins anew when it is over", () => {
  const windows = createRequestWindows();
  const take = (now: number) => windows.take("k", 2, now);
  expect(take(1000)).toEqual({ granted: true, remaining: 1, resetMs: minute });
  expect(take(11_000)).toEqual({ granted: true, remaining: 0, resetMs: 50_000 });
  expect(take(60_999)).toEqual({ granted: false, remaining: 0, resetMs: 1 });
  expect(take(61_000)).toEqual({ granted: true, remaining: 1, resetMs: minute });
  expect(windows.take("other", 2, 61_000).remaining).toBe(1);
});

test("a request that arrived before the window's first is counted in it, and a clock set back does not stop a key for ever", () => {
  const windows = createRequestWindows();
  expect(windows.take("k", 1, 100_000).granted).toBe(true);
  expect(windows.take("k", 1, 99_999)).toEqual({ granted: false, remaining: 0, resetMs: minute });
  expect(windows.take("k", 1, 100_000 - minute).granted).toBe(true);
});

test("leases never grant more than the limit, and what is not used goes back", () => {
  const windows = createRequestWindows();
  expect(windows.lease("k", 10, 6, 0)).toEqual({ count: 6, began: 0, remaining: 4, resetMs: minute });
  expect(windows.lease("k", 10, 6, 5)).toMatchObject({ count: 4, remaining: 0 });
  expect(windows.lease("k", 10, 1, 5).count).toBe(0);
  windows.giveBack("k", 0, 3);
  expect(windows.lease("k", 10, 9, 6)).toMatchObject({ count: 3, remaining: 0 });
  // What was taken out of a window that is over means nothing to the next.
  expect(windows.lease("k", 10, 1, minute).count).toBe(1);
  windows.giveBack("k", 0, 5);
  expect(windows.lease("k", 10, 100, minute).count).toBe(9);
});
