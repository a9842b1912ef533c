import type { Key } from "@trunkline/contracts";
import {
  createWebhookSender,
  deliverCallbacks,
  newWebhookSecret,
  runSchedules,
  runTasks,
  type TaskRunner,
} from "@trunkline/jobs";
import type { Store, WebhookSecrets } from "@trunkline/store";
import type { Logger } from "pino";
import type { Composition } from "../compose.ts";
import { version } from "../version.ts";
import { executeRequest } from "./execute-request.ts";
import { keepBatches } from "./keep-batches.ts";
import { callbackBody } from "./shown.ts";

/** Work in the background. */
export type Jobs = {
  /** Something may be due. */
  wake(): void;
  /** Stops what a cancelled task is doing, if it is done here. */
  abort(id: string): void;
  secretsOf(keyId: string): Promise<WebhookSecrets>;
  /** A new secret; the one before signs for a day more. */
  rotateSecret(keyId: string): Promise<WebhookSecrets>;
  /** What runs may end within the time. */
  stop(drainMs: number): Promise<void>;
};

export type JobsOptions = {
  readonly store: Store;
  readonly current: () => Composition;
  readonly keyById: (id: string) => Promise<Key | undefined>;
  /** Processes that share the work with this one. */
  readonly processes: number;
  readonly log: Logger;
};

const day = 86_400_000;

/** How it runs is read from the configuration once: a change takes effect at the next start. */
export function startJobs({ store, current, keyById, processes, log }: JobsOptions): Jobs {
  const { jobs: settings } = current().config;
  const now = Date.now;
  const pollMs = settings.poll_seconds * 1000;
  const leaseMs = settings.lease_seconds * 1000;
  const onError = (error: unknown) => log.error({ err: error }, "work in the background is held up");

  async function secretsOf(keyId: string): Promise<WebhookSecrets> {
    const kept = await store.webhookSecrets.find(keyId);
    return kept ?? store.webhookSecrets.make(keyId, { current: newWebhookSecret(), previous: null, previousUntil: 0 });
  }

  const { callbacks } = settings;
  const sender = createWebhookSender({
    timeoutMs: callbacks.timeout_seconds * 1000,
    allow: callbacks.allow_addresses,
    agentName: `Trunkline/${version}`,
  });
  const delivering = deliverCallbacks({
    tasks: store.tasks,
    sender,
    secretsOf,
    bodyOf: callbackBody,
    concurrency: callbacks.concurrency,
    leaseMs: callbacks.timeout_seconds * 2000 + leaseMs,
    pollMs,
    attempts: callbacks.attempts,
    firstWaitMs: callbacks.first_wait_seconds * 1000,
    longestWaitMs: callbacks.longest_wait_seconds * 1000,
    onDead: (task, error) =>
      log.warn({ task: task.id }, `a callback was given up after ${task.callbackAttempts} tries: ${error}`),
    onError,
    now,
  });
  const runner: TaskRunner = runTasks({
    tasks: store.tasks,
    execute: async (task, signal) => executeRequest(current().exchange, task, await keyById(task.keyId), signal),
    concurrency: Math.max(1, Math.floor(settings.concurrency / processes)),
    leaseMs,
    pollMs,
    attempts: settings.attempts,
    firstWaitMs: settings.first_wait_seconds * 1000,
    longestWaitMs: settings.longest_wait_seconds * 1000,
    onEnded() {
      delivering.wake();
      batches.wake();
    },
    onError,
    now,
  });
  const batches = keepBatches({
    store,
    leaseMs,
    pollMs,
    onTasks: runner.wake,
    onCancelled: runner.recheck,
    onError,
    now,
  });
  const scheduling = runSchedules({
    schedules: store.schedules,
    tasks: store.tasks,
    pollMs,
    onTasks(cancelled) {
      for (const id of cancelled) runner.abort(id);
      runner.wake();
    },
    onError,
    now,
  });

  return {
    wake() {
      runner.wake();
      batches.wake();
      delivering.wake();
      scheduling.wake();
    },
    abort: runner.abort,
    secretsOf,
    async rotateSecret(keyId) {
      const { current: previous } = await secretsOf(keyId);
      const secrets = { current: newWebhookSecret(), previous, previousUntil: now() + day };
      await store.webhookSecrets.replace(keyId, secrets);
      return secrets;
    },
    async stop(drainMs) {
      await Promise.all([scheduling.stop(), batches.stop(), runner.stop(drainMs)]);
      await delivering.stop();
      await sender.close();
    },
  };
}
