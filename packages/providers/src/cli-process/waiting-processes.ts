import type { Child } from "./process/spawn-child.ts";

type Waiting<Process> = { readonly key: string; readonly process: Process };

/**
 * Processes started before they are needed, so that the first token does not wait for the program's start. Which ones is learnt: the
 * kind that was last asked for is the kind kept ready.
 */
export function createWaiting<Launch, Process>(options: {
  /** How many wait; 0 starts each when it is needed. */
  readonly size: number;
  readonly start: (launch: Launch) => Process;
  readonly childOf: (process: Process) => Child;
}) {
  const ready: Waiting<Process>[] = [];
  let closed = false;

  function drop(entry: Waiting<Process>): void {
    const at = ready.indexOf(entry);
    if (at >= 0) ready.splice(at, 1);
  }

  return {
    /** A process for this: one that waits, or a new one. */
    take(launch: Launch): Process {
      const key = JSON.stringify(launch);
      const found = ready.find((entry) => entry.key === key);
      if (!found) return options.start(launch);
      drop(found);
      return found.process;
    },
    /** Sees to it that as many as may wait for the like. */
    refill(launch: Launch): void {
      const key = JSON.stringify(launch);
      while (!closed && ready.filter((entry) => entry.key === key).length < options.size) {
        const entry = { key, process: options.start(launch) };
        ready.push(entry);
        void options.childOf(entry.process).gone.then(() => drop(entry));
        // One that nobody asks for any more makes room.
        if (ready.length > options.size) void options.childOf(ready.shift()!.process).stop();
      }
    },
    async close(): Promise<void> {
      closed = true;
      await Promise.all(ready.splice(0).map(({ process }) => options.childOf(process).stop()));
    },
  };
}
