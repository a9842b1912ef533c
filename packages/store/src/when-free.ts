import { setTimeout as wait } from "node:timers/promises";

/** SQLite's result code for a database another process is writing to, or has written to since it was read; the kinds stand above it. */
const busy = 5;
const kinds = 0xff;
/** Milliseconds between two tries, doubling up to the last, and how many there are: about ten seconds in all. */
const firstPauseMs = 10;
const longestPauseMs = 250;
const tries = 45;

/** Runs a step again as long as the database is locked, without stopping the process meanwhile. */
export async function whenFree<T>(step: () => Promise<T>): Promise<T> {
  for (let turn = 1; ; turn++) {
    try {
      return await step();
    } catch (error) {
      const { errcode } = error as { errcode?: unknown };
      if (typeof errcode !== "number" || (errcode & kinds) !== busy || turn === tries) throw error;
      await wait(Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(turn - 1, 10)));
    }
  }
}
