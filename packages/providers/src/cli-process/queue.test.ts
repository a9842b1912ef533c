import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createQueue } from "./queue.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const open = (concurrency: number, depth: number) =>
  createQueue({ name: "q", concurrency, depth, waitMs: 1000, now: () => Date.now() });
const never = new AbortController().signal;

test("first come, first served within a priority; high before normal before low", async () => {
  const queue = open(1, 10);
  const first = await queue.enter("normal", never);
  const order: string[] = [];
  const enter = (name: string, priority: "high" | "normal" | "low") =>
    queue.enter(priority, never).then((place) => {
      order.push(name);
      place.release();
    });
  const all = [enter("low", "low"), enter("one", "normal"), enter("two", "normal"), enter("high", "high")];
  expect(queue.state()).toEqual({ active: 1, waiting: 4 });
  first.release();
  await Promise.all(all);
  expect(order).toEqual(["high", "one", "two", "low"]);
  expect(queue.state()).toEqual({ active: 0, waiting: 0 });
});

test("a full queue, a wait that is too long and a client that leaves take no place", async () => {
  const queue = open(1, 2);
  const first = await queue.enter("normal", never);
  const leaving = new AbortController();
  const left = queue.enter("normal", leaving.signal);
  const late = queue.enter("normal", never);
  await expect(queue.enter("high", never)).rejects.toMatchObject({ code: "queue_full" });
  const refused = expect(left).rejects.toMatchObject({ code: "client_closed" });
  leaving.abort();
  await refused;
  const timedOut = expect(late).rejects.toMatchObject({ code: "queue_full" });
  await vi.advanceTimersByTimeAsync(1000);
  await timedOut;
  expect(queue.state()).toEqual({ active: 1, waiting: 0 });
  first.release();
  first.release();
  expect(queue.state()).toEqual({ active: 0, waiting: 0 });
});

test("how long one waited, and when to come back", async () => {
  const queue = open(1, 1);
  const first = await queue.enter("normal", never);
  const second = queue.enter("normal", never);
  await vi.advanceTimersByTimeAsync(400);
  const error = await queue
    .enter("normal", never)
    .catch((thrown: unknown) => thrown as { details: { retryAfterMs: number } });
  expect((error as { details: { retryAfterMs: number } }).details.retryAfterMs).toBeGreaterThanOrEqual(1000);
  first.release();
  expect((await second).queuedMs).toBe(400);
});
