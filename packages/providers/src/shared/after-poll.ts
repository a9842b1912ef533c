let waiting: (() => void)[] = [];

/**
 * Runs a step once every socket that is readable now has been read. What is written then leaves in one row: a write that finds its reader
 * asleep has to wake it, which costs more than the write, and one that follows at once does not.
 */
export function afterPoll(step: () => void): void {
  if (waiting.length === 0) setImmediate(run);
  waiting.push(step);
}

function run(): void {
  const steps = waiting;
  waiting = [];
  for (const step of steps) step();
}
