/** Where a key stands: whether this request may pass, and what is left until the window ends. */
export type Taken = { readonly granted: boolean; readonly remaining: number; readonly resetMs: number };

/** The port `rateLimit` needs: counts one request of a key against its limit. Times are milliseconds. */
export type RequestLimits = { take(keyId: string, limit: number, now: number): Taken | Promise<Taken> };

/** Some requests granted in advance, out of the window that began at `began`. */
export type Lease = {
  readonly count: number;
  readonly began: number;
  readonly remaining: number;
  readonly resetMs: number;
};

export type RequestWindows = {
  take(keyId: string, limit: number, now: number): Taken;
  /** As many requests as are left, at most `want`. */
  lease(keyId: string, limit: number, want: number, now: number): Lease;
  /** Takes back what of a lease was not used. */
  giveBack(keyId: string, began: number, count: number): void;
};

const windowMs = 60_000;
/** Keys whose windows are kept; the oldest go first, long after their minute is over. */
const mostWindows = 100_000;

/** Fixed windows of a minute, each beginning with a key's first request. */
export function createRequestWindows(): RequestWindows {
  const windows = new Map<string, { began: number; used: number }>();

  function windowOf(keyId: string, now: number): { began: number; used: number } {
    let window = windows.get(keyId);
    // A request may have arrived before the one that began the window, and come here after it: a body takes its time. A clock set back
    // by more than that begins a new window, for the old one might never end.
    if (!window || Math.abs(now - window.began) >= windowMs) {
      windows.delete(keyId);
      if (windows.size >= mostWindows) windows.delete(windows.keys().next().value!);
      windows.set(keyId, (window = { began: now, used: 0 }));
    }
    return window;
  }

  function resetOf({ began }: { began: number }, now: number): number {
    return Math.min(windowMs, began + windowMs - now);
  }

  return {
    take(keyId, limit, now) {
      const window = windowOf(keyId, now);
      const granted = window.used < limit;
      if (granted) window.used++;
      return { granted, remaining: Math.max(0, limit - window.used), resetMs: resetOf(window, now) };
    },
    lease(keyId, limit, want, now) {
      const window = windowOf(keyId, now);
      const count = Math.max(0, Math.min(want, limit - window.used));
      window.used += count;
      const remaining = Math.max(0, limit - window.used);
      return { count, began: window.began, remaining, resetMs: resetOf(window, now) };
    },
    giveBack(keyId, began, count) {
      const window = windows.get(keyId);
      if (window?.began === began) window.used = Math.max(0, window.used - count);
    },
  };
}
