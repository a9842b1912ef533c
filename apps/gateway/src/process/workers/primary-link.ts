import cluster from "node:cluster";
import type { QuestionName, Questions, ToPrimary, ToWorker } from "./messages.ts";

/** A worker's line to the primary process. */
export type PrimaryLink = {
  /** Rejects when the primary refuses, or is gone. */
  ask<Name extends QuestionName>(name: Name, question: Questions[Name]["question"]): Promise<Questions[Name]["answer"]>;
  tell(message: ToPrimary): void;
  readonly isThere: () => boolean;
};

export type LinkEvents = {
  onStop(): void;
  onRetire(): void;
  onCollect(): Promise<object>;
  /** The primary process has ended, however it did. */
  onGone(): void;
};

/** Connects this process, a worker, to the primary that forked it. */
export function linkToPrimary(events: LinkEvents): PrimaryLink {
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let lastId = 0;

  function settle(id: number): { resolve(answer: unknown): void; reject(error: Error): void } | undefined {
    const found = waiting.get(id);
    waiting.delete(id);
    return found;
  }

  process.on("message", (message: ToWorker) => {
    if (message.type === "answer") settle(message.id)?.resolve(message.answer);
    else if (message.type === "refusal") settle(message.id)?.reject(new Error(message.message));
    else if (message.type === "stop") events.onStop();
    else if (message.type === "retire") events.onRetire();
    else if (message.type === "collect")
      void events.onCollect().then((metrics) => tell({ type: "collected", id: message.id, metrics }));
  });
  // A cluster's worker ends at once when its primary is gone; ours has answers to finish and rows to write.
  cluster.worker!.on("disconnect", () => (cluster.worker!.exitedAfterDisconnect = true));
  process.on("disconnect", () => {
    for (const { reject } of waiting.values()) reject(new Error("the primary process is gone"));
    waiting.clear();
    events.onGone();
  });

  function tell(message: ToPrimary): void {
    // The channel may close between the look and the sending: there is nobody left to be told then.
    if (process.connected) process.send!(message, undefined, {}, () => {});
  }

  return {
    tell,
    isThere: () => process.connected,
    ask(name, question) {
      if (!process.connected) return Promise.reject(new Error("the primary process is gone"));
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
        tell({ type: "ask", id, name, question });
      });
    },
  };
}
