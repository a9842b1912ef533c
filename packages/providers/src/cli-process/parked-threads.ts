import type { Thread } from "./driver.ts";

export type Parked = {
  /** By which it is found again: the fingerprint of its conversation, or its session. */
  readonly key: string;
  readonly account: string;
  readonly shape: string;
  readonly thread: Thread;
};

/**
 * Threads between two turns of their conversations: the next turn finds its prompt cache warm and nothing has to be said again. Few, and
 * not for long; what does not come back is closed.
 */
export function createParkedThreads(options: { readonly most: number; readonly keepMs: number }) {
  const parked: { entry: Parked; timer: NodeJS.Timeout }[] = [];

  function remove(at: number): Parked {
    const [found] = parked.splice(at, 1);
    clearTimeout(found!.timer);
    return found!.entry;
  }

  return {
    get size() {
      return parked.length;
    },
    /** Takes it out: nobody else gets it meanwhile. */
    take(key: string): Parked | undefined {
      const at = parked.findLastIndex(({ entry }) => entry.key === key);
      return at < 0 ? undefined : remove(at);
    },
    park(entry: Parked): void {
      const timer = setTimeout(() => {
        const at = parked.findIndex((other) => other.entry === entry);
        if (at >= 0) void remove(at).thread.close();
      }, options.keepMs);
      timer.unref();
      parked.push({ entry, timer });
      while (parked.length > options.most) void remove(0).thread.close();
    },
    async close(): Promise<void> {
      await Promise.all(parked.splice(0).map(({ entry, timer }) => (clearTimeout(timer), entry.thread.close())));
    },
  };
}
