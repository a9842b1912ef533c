/** Something that is looked after again and again. */
export type Loop = {
  /** Looks at once, or as soon as the look that is on has ended. */
  wake(): void;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
};

/** Calls a step at intervals, never twice at once. What it throws is told and ends nothing. */
export function createLoop(everyMs: number, step: () => Promise<void>, onError: (error: unknown) => void): Loop {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isWanted = false;
  let isStopped = false;

  function later(): void {
    clearTimeout(timer);
    if (isStopped) return;
    timer = setTimeout(run, isWanted ? 0 : everyMs).unref();
    isWanted = false;
  }

  function run(): void {
    running = step()
      .catch(onError)
      .finally(() => {
        running = undefined;
        later();
      });
  }

  later();
  return {
    wake() {
      isWanted = true;
      if (!running) later();
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Milliseconds before the next try: doubling from the first to the longest, varied by up to a quarter. */
export function backOff(attempt: number, firstMs: number, longestMs: number, random: () => number): number {
  const plain = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(plain * (0.875 + random() / 4));
}
