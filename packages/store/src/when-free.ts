import { setTimeout as wait } from "node:timers/promises";

/** SQLite's result code for a database another process is writing to. */
const busy = 5;
/** Its kind for a transaction that has read what another process has changed since: only the whole of it can be tried again. */
const stale = 517;
/** Milliseconds between two tries, doubling up to the last, and how many there are: about ten seconds in all. */
const firstPauseMs = 10;
const longestPauseMs = 250;
const tries = 45;

async function tryAgain<T>(step: () => Promise<T>, codes: readonly unknown[]): Promise<T> {
  for (let turn = 1; ; turn++) {
    try {
      return await step();
    } catch (error) {
      if (!codes.includes((error as { errcode?: unknown }).errcode) || turn === tries) throw error;
      await wait(Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(turn - 1, 10)));
    }
  }
}

/** Runs a step again as long as the database is locked, without stopping the process meanwhile. */
export function whenFree<T>(step: () => Promise<T>): Promise<T> {
  return tryAgain(step, [busy]);
}

/** The same for a whole transaction, which may read before it writes. */
export function wholeWhenFree<T>(transaction: () => Promise<T>): Promise<T> {
  return tryAgain(transaction, [busy, stale]);
}
