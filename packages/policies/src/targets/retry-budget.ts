export type RetryBudget = {
  /** Call for every request that comes in. */
  deposit(): void;
  /** Whether one more retry may be made; counts it when it may. */
  withdraw(): boolean;
};

/** Retries a gateway nobody has asked much of may make all the same. */
const reserve = 10;
const most = 100;

/**
 * Retries as a share of the requests: when everything fails, retrying everything only makes it worse. Each request pays `ratio` of a retry
 * in; what is saved up is bounded.
 */
export function createRetryBudget(ratio: number): RetryBudget {
  let saved = reserve;
  return {
    deposit() {
      if (saved < most) saved = Math.min(most, saved + ratio);
    },
    withdraw() {
      if (saved < 1) return false;
      saved--;
      return true;
    },
  };
}
