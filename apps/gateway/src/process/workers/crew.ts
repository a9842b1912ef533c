import cluster, { type Worker } from "node:cluster";
import type { Limiter } from "@trunkline/policies";
import type { Logger } from "pino";
import { AggregatorRegistry } from "prom-client";
import { entry } from "../entry.ts";
import type { QuestionName, Questions, Ready, ToPrimary, ToWorker } from "./messages.ts";

/** Milliseconds before a worker that ended unasked is replaced, doubling while it keeps ending, and the longest. */
const firstPauseMs = 100;
const longestPauseMs = 10_000;
/** A worker that ran this long ended for a new reason. */
const healthyMs = 60_000;
/** Milliseconds workers get to tell their metrics. */
const collectMs = 2000;

export type CrewOptions = {
  readonly size: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly answers: {
    [Name in Exclude<QuestionName, "metrics">]: (
      question: Questions[Name]["question"],
    ) => Promise<Questions[Name]["answer"]> | Questions[Name]["answer"];
  };
  readonly limiter: Pick<Limiter, "leave" | "renew">;
  readonly giveBack: (keyId: string, began: number, count: number) => void;
  /** The most milliseconds a worker's requests get to end. */
  readonly drainMs: number;
};

export type Crew = {
  /** Starts every worker. Resolves with what the first says of itself; rejects with what it was unable to start for. */
  start(): Promise<Ready>;
  /** Replaces the workers one after the other, each old one only once its successor answers. */
  roll(): Promise<void>;
  /** Makes every worker open its log anew and read its configuration again. */
  hangUp(): void;
  stop(): Promise<void>;
};

/** The worker processes: started, replaced when they end, answered. */
export function createCrew(options: CrewOptions): Crew {
  const { log } = options;
  const members = new Set<Worker>();
  const collections = new Map<number, (metrics: object) => void>();
  let lastCollection = 0;
  let stopping = false;
  let pauseMs = firstPauseMs;
  let rolling: Promise<void> | undefined;

  cluster.setupPrimary({ exec: entry, args: ["start"] });

  function send(worker: Worker, message: ToWorker): void {
    if (worker.isConnected()) worker.send(message, () => {});
  }

  async function metrics(): Promise<string> {
    const found = await Promise.all(
      [...members].map(
        (worker) =>
          new Promise<object | undefined>((resolve) => {
            const id = ++lastCollection;
            const late = setTimeout(resolve, collectMs, undefined);
            collections.set(id, (given) => {
              clearTimeout(late);
              collections.delete(id);
              resolve(given);
            });
            send(worker, { type: "collect", id });
          }),
      ),
    );
    return AggregatorRegistry.aggregate(found.filter((given) => given !== undefined) as never).metrics();
  }

  async function answer(worker: Worker, id: number, name: QuestionName, question: unknown): Promise<void> {
    try {
      const given = name === "metrics" ? await metrics() : await options.answers[name](question as never);
      send(worker, { type: "answer", id, answer: given });
    } catch (error) {
      send(worker, { type: "refusal", id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Starts one worker. Resolves once it answers. */
  function fork(): Promise<Ready> {
    const worker = cluster.fork({ ...options.environment, TRUNKLINE_WORKER_COUNT: String(options.size) });
    const since = Date.now();
    members.add(worker);
    return new Promise((resolve, reject) => {
      let isReady = false;
      worker.on("message", (message: ToPrimary) => {
        if (message.type === "ask") void answer(worker, message.id, message.name, message.question);
        else if (message.type === "give-back") options.giveBack(message.keyId, message.began, message.count);
        else if (message.type === "leave") options.limiter.leave(message.id, message.used, message.unused);
        else if (message.type === "renew") options.limiter.renew(message.ids, message.now);
        else if (message.type === "collected") collections.get(message.id)?.(message.metrics);
        else if (message.type === "failed") reject(new Error(message.message));
        else {
          isReady = true;
          resolve(message);
        }
      });
      worker.on("exit", (code, signal) => {
        const wasAsked = !members.delete(worker) || stopping;
        reject(new Error(`a worker ended before it was ready (${signal ?? code})`));
        if (wasAsked || !isReady) return;
        log.error({ pid: worker.process.pid, code, signal }, "a worker ended unasked and is replaced");
        if (Date.now() - since > healthyMs) pauseMs = firstPauseMs;
        replaceLater();
      });
    });
  }

  function replaceLater(): void {
    setTimeout(() => {
      if (stopping) return;
      fork().catch((error: unknown) => {
        if (stopping) return;
        log.error({ err: error }, "a worker could not be replaced yet");
        replaceLater();
      });
    }, pauseMs);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }

  /** Lets a worker end as it is told to; one that does not is killed. */
  function end(worker: Worker, type: "stop" | "retire"): Promise<void> {
    members.delete(worker);
    if (worker.isDead()) return Promise.resolve();
    return new Promise((resolve) => {
      const kill = setTimeout(() => worker.process.kill("SIGKILL"), options.drainMs + 5000);
      worker.once("exit", () => {
        clearTimeout(kill);
        resolve();
      });
      send(worker, { type });
    });
  }

  async function rollAll(): Promise<void> {
    for (const old of Array.from(members)) {
      if (stopping) return;
      await fork();
      await end(old, "retire");
    }
    log.info({ workers: members.size }, "the workers were replaced");
  }

  return {
    async start() {
      // The first tells what all of them would fail on.
      const first = await fork();
      await Promise.all(Array.from({ length: options.size - 1 }, fork));
      return first;
    },
    roll() {
      rolling ??= rollAll().finally(() => (rolling = undefined));
      return rolling;
    },
    hangUp() {
      for (const worker of members) worker.process.kill("SIGHUP");
    },
    async stop() {
      stopping = true;
      await Promise.all([...members].map((worker) => end(worker, "stop")));
    },
  };
}
