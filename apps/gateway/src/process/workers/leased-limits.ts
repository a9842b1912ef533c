import type { Lease, RequestLimits, Taken } from "@trunkline/policies";

/** Milliseconds a lease is used; what is left of it then goes back for others. */
const leaseMs = 100;
const largestLease = 1000;

type Held = {
  lease: Lease;
  left: number;
  /** When it was had. */
  at: number;
  /** How many to ask for next: what the last lease time took. */
  want: number;
  asking: Promise<void> | undefined;
};

export type Lessor = {
  lease(keyId: string, limit: number, want: number, now: number): Promise<Lease>;
  giveBack(keyId: string, began: number, count: number): void;
};

/**
 * A key's limit shared by several processes. One process keeps the count; a worker takes some requests in advance, as many as it has just
 * needed, so that a busy key does not ask for each. Together the workers never grant more than the limit; close to it one may refuse while
 * another still holds some, for a tenth of a second.
 */
export function createLeasedLimits(lessor: Lessor): RequestLimits & { close(): void } {
  const held = new Map<string, Held>();

  const sweep = setInterval(() => {
    const now = Date.now();
    for (const [keyId, one] of held) {
      if (one.asking || Math.abs(now - one.at) < leaseMs) continue;
      if (one.left > 0) lessor.giveBack(keyId, one.lease.began, one.left);
      held.delete(keyId);
    }
  }, leaseMs);
  sweep.unref();

  function take(keyId: string, limit: number, now: number): Taken | Promise<Taken> {
    const one = held.get(keyId);
    if (one && one.left > 0 && now >= one.at && now - one.at < leaseMs) {
      one.left--;
      return { granted: true, remaining: one.lease.remaining + one.left, resetMs: one.lease.resetMs - (now - one.at) };
    }
    // Whoever hammers at a limit that is reached does not make the primary answer each time.
    if (one && !one.asking && one.lease.count === 0 && Math.abs(now - one.at) < leaseMs)
      return { granted: false, remaining: 0, resetMs: one.lease.resetMs };
    return askAndTake(keyId, limit, now);
  }

  async function askAndTake(keyId: string, limit: number, now: number): Promise<Taken> {
    for (;;) {
      let one = held.get(keyId);
      if (one?.asking) {
        // Others came while the answer was on its way: whoever finds nothing left asks again.
        await one.asking;
        if (one.left > 0) {
          one.left--;
          return { granted: true, remaining: one.lease.remaining + one.left, resetMs: one.lease.resetMs };
        }
        if (one.lease.count === 0) return { granted: false, remaining: 0, resetMs: one.lease.resetMs };
        continue;
      }
      const before = one;
      if (before && before.left > 0) lessor.giveBack(keyId, before.lease.began, before.left);
      const usedUp = before !== undefined && before.left === 0 && now - before.at < leaseMs;
      const want = usedUp
        ? Math.min(largestLease, before.want * 2)
        : Math.max(1, before ? before.lease.count - before.left : 1);
      one = { lease: { count: 0, began: 0, remaining: 0, resetMs: 0 }, left: 0, at: now, want, asking: undefined };
      const asked = one;
      one.asking = lessor.lease(keyId, limit, want, now).then(
        (lease) => {
          asked.lease = lease;
          asked.left = lease.count;
          asked.asking = undefined;
        },
        (error: unknown) => {
          held.delete(keyId);
          throw error;
        },
      );
      held.set(keyId, one);
    }
  }

  return {
    take,
    close() {
      clearInterval(sweep);
      for (const [keyId, { lease, left }] of held) if (left > 0) lessor.giveBack(keyId, lease.began, left);
      held.clear();
    },
  };
}
