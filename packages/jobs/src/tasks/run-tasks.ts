import { GatewayError, type Task } from "@trunkline/contracts";
import type { TaskEnd, TaskTable } from "@trunkline/store";
import { backOff, createLoop, type Loop } from "../loop.ts";

/** What came of one try. */
export type Execution = {
  readonly status: number;
  readonly body: unknown;
  /** Null for a good answer. */
  readonly errorCode: string | null;
  /** Worth another try. */
  readonly isPassing: boolean;
  /** Milliseconds after which that makes sense, when the other side told. */
  readonly retryAfterMs: number | undefined;
};

export type RunTasksOptions = {
  readonly tasks: TaskTable;
  /** Makes the request. Aborted when the task is cancelled, or has been taken over. */
  readonly execute: (task: Task, signal: AbortSignal) => Promise<Execution>;
  readonly concurrency: number;
  /** A process that has not renewed its lease for so long is taken for dead, in milliseconds. */
  readonly leaseMs: number;
  readonly pollMs: number;
  /** Times a task is begun at most. */
  readonly attempts: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** A task has ended. */
  readonly onEnded: () => void;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
};

export type TaskRunner = Pick<Loop, "wake"> & {
  /** Takes no more; what runs may end within the time, and is left to others after it. */
  stop(drainMs: number): Promise<void>;
  /** Stops what a cancelled task is doing, if it is done here. */
  abort(id: string): void;
  /** Tasks may have been cancelled: those that run here are looked at. */
  recheck(): void;
};

/** Runs tasks of the database, as many at once as may be. Every one is run at least once, whichever process dies. */
export function runTasks(options: RunTasksOptions): TaskRunner {
  const { tasks, now } = options;
  const running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();

  function endOf(task: Task, execution: Execution): TaskEnd {
    const { status, body, errorCode, isPassing, retryAfterMs } = execution;
    if (errorCode === null) return { status: "succeeded", result: { status, body }, errorCode };
    if (!isPassing || task.attempts >= options.attempts)
      return { status: "failed", result: { status, body }, errorCode };
    const own = backOff(task.attempts, options.firstWaitMs, options.longestWaitMs, Math.random);
    return { status: "queued", runAt: now() + Math.max(own, retryAfterMs ?? 0), errorCode };
  }

  async function run(task: Task, signal: AbortSignal): Promise<void> {
    // One that takes the process down with it every time would do so for ever.
    if (task.attempts > options.attempts) {
      const error = new GatewayError(
        "internal_error",
        `The gateway ended while it ran this task, ${options.attempts} times.`,
      );
      const result = { status: error.status, body: { error: { message: error.message, code: error.code } } };
      await tasks.finish(task.id, { status: "failed", result, errorCode: error.code }, now());
      return;
    }
    const execution = await options.execute(task, signal);
    if (signal.aborted) return;
    await tasks.finish(task.id, endOf(task, execution), now());
  }

  function start(task: Task): void {
    const abort = new AbortController();
    const done = run(task, abort.signal)
      .catch(options.onError)
      .finally(() => {
        running.delete(task.id);
        options.onEnded();
        loop.wake();
      });
    running.set(task.id, { abort, done });
  }

  async function step(): Promise<void> {
    await tasks.releaseHeld(now());
    const room = options.concurrency - running.size;
    if (room <= 0) return;
    for (const task of await tasks.claim(now(), now() + options.leaseMs, room)) start(task);
  }

  async function renew(): Promise<void> {
    const ids = [...running.keys()];
    const kept = await tasks.renew(ids, now() + options.leaseMs);
    for (const id of ids) if (!kept.has(id)) running.get(id)?.abort.abort();
  }

  const loop = createLoop(options.pollMs, step, options.onError);
  const renewing = createLoop(options.leaseMs / 3, renew, options.onError);
  return {
    wake: loop.wake,
    recheck: renewing.wake,
    abort: (id) => running.get(id)?.abort.abort(),
    async stop(drainMs) {
      await loop.stop();
      const all = () => Promise.all([...running.values()].map(({ done }) => done));
      await Promise.race([all(), new Promise((resolve) => setTimeout(resolve, drainMs).unref())]);
      await renewing.stop();
      const left = [...running.keys()];
      for (const { abort } of running.values()) abort.abort();
      await all();
      await tasks.release(left);
    },
  };
}
