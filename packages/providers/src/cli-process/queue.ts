import { GatewayError } from "@trunkline/contracts";
import type { Priority } from "../provider.ts";

/** A place among those that run. It must be given back, once. */
export type Place = { readonly queuedMs: number; release(): void };

export type QueueState = { readonly active: number; readonly waiting: number };

export type QueueOptions = {
  readonly name: string;
  /** How many run at once. */
  readonly concurrency: number;
  /** How many may wait. */
  readonly depth: number;
  /** Milliseconds one waits at most. */
  readonly waitMs: number;
  readonly now: () => number;
};

type Waiting = { readonly rank: number; readonly enter: () => void };

const ranks: Readonly<Record<Priority, number>> = { high: 0, normal: 1, low: 2 };

/** A bounded number of places and a bounded queue before them, first come first served within a priority. */
export function createQueue(options: QueueOptions) {
  let active = 0;
  /** Smoothed milliseconds a place was held, from which `retry-after` is told. */
  let usualMs = 5000;
  const waiting: Waiting[] = [];

  function take(queuedMs: number): Place {
    active++;
    const from = options.now();
    let held = true;
    return {
      queuedMs,
      release() {
        if (!held) return;
        held = false;
        active--;
        usualMs += (options.now() - from - usualMs) / 8;
        waiting.shift()?.enter();
      },
    };
  }

  function full(reason: string): GatewayError {
    const rounds = Math.ceil((waiting.length + 1) / options.concurrency);
    return new GatewayError("queue_full", `The provider '${options.name}' ${reason}. Try again later.`, {
      retryAfterMs: Math.min(60_000, Math.max(1000, Math.round(usualMs * rounds))),
    });
  }

  return {
    state: (): QueueState => ({ active, waiting: waiting.length }),
    /** A place, at once or after waiting. Rejects with `queue_full`, and with `client_closed` when the signal aborts. */
    enter(priority: Priority, signal: AbortSignal): Promise<Place> {
      if (active < options.concurrency) return Promise.resolve(take(0));
      if (waiting.length >= options.depth)
        return Promise.reject(
          full(`runs ${options.concurrency} requests and ${options.depth} wait already, which is as many as may`),
        );
      const from = options.now();
      return new Promise<Place>((resolve, reject) => {
        const leave = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", abandon);
          const at = waiting.indexOf(entry);
          if (at >= 0) waiting.splice(at, 1);
        };
        const abandon = () => {
          leave();
          reject(new GatewayError("client_closed", "The client went away while it waited."));
        };
        const entry: Waiting = {
          rank: ranks[priority],
          enter() {
            leave();
            resolve(take(options.now() - from));
          },
        };
        const timer = setTimeout(() => {
          leave();
          reject(full(`had no free place for ${Math.round(options.waitMs / 1000)} s`));
        }, options.waitMs);
        signal.addEventListener("abort", abandon);
        const behind = waiting.findIndex(({ rank }) => rank > entry.rank);
        if (behind < 0) waiting.push(entry);
        else waiting.splice(behind, 0, entry);
      });
    },
  };
}
