import type { Task } from "@trunkline/contracts";
import type { TaskTable, WebhookSecrets } from "@trunkline/store";
import { backOff, createLoop, type Loop } from "../loop.ts";
import { signedHeaders } from "./signature.ts";
import type { WebhookSender } from "./send-webhook.ts";

export type DeliverCallbacksOptions = {
  readonly tasks: TaskTable;
  readonly sender: WebhookSender;
  readonly secretsOf: (keyId: string) => Promise<WebhookSecrets>;
  /** The body of a delivery. */
  readonly bodyOf: (task: Task) => object;
  readonly concurrency: number;
  /** A process that took a callback and was not heard of since may have died, after so many milliseconds. */
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly attempts: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  readonly onDead: (task: Task, error: string) => void;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
};

/** Tells clients of tasks that have ended: each at least once, with the same id each time, until it is taken or given up. */
export function deliverCallbacks(options: DeliverCallbacksOptions): Loop {
  const { tasks, now } = options;

  async function deliver(task: Task): Promise<void> {
    const body = JSON.stringify(options.bodyOf(task));
    const { current, previous, previousUntil } = await options.secretsOf(task.keyId);
    const secrets = previous !== null && previousUntil > now() ? [current, previous] : [current];
    const headers = signedHeaders(secrets, task.id, Math.floor(now() / 1000), body);
    const delivery = await options.sender.send(task.callbackUrl!, body, headers);
    if (delivery.isDelivered) return tasks.endCallback(task.id, { state: "delivered", at: now(), error: null });
    const { error, isFinal } = delivery;
    if (isFinal || task.callbackAttempts >= options.attempts) {
      await tasks.endCallback(task.id, { state: "dead", at: now(), error });
      return options.onDead(task, error);
    }
    const waitMs = backOff(task.callbackAttempts, options.firstWaitMs, options.longestWaitMs, Math.random);
    await tasks.endCallback(task.id, { state: "pending", at: now() + waitMs, error });
  }

  async function step(): Promise<void> {
    const due = await tasks.claimCallbacks(now(), now() + options.leaseMs, options.concurrency);
    // One that cannot be signed or written down keeps the others from nothing.
    await Promise.all(due.map((task) => deliver(task).catch(options.onError)));
    if (due.length === options.concurrency) loop.wake();
  }

  const loop = createLoop(options.pollMs, step, options.onError);
  return loop;
}
