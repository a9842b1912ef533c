import type { Store } from "@trunkline/store";
import type { Logger } from "pino";
import type { Config } from "./config/schema.ts";

const day = 86_400_000;
/** No budget looks back further. */
const longestBudget = 40 * day;
/** Milliseconds until it is tried again when the database did not let us. */
const again = 60_000;

/** Deletes what is older than the configuration keeps, now and once a day. */
export function schedulePruning(store: Store, config: () => Config, log: Logger): { stop(): void } {
  const stopped = new AbortController();

  async function prune(): Promise<void> {
    const { ledger, responses, jobs } = config();
    const before = {
      exchanges: Date.now() - ledger.retention_days * day,
      responses: Date.now() - responses.retention_days * day,
      tasks: Date.now() - jobs.retention_days * day,
      budgets: Date.now() - longestBudget,
      statistics: Date.now() - ledger.statistics_days * day,
    };
    try {
      const deleted = await store.prune(before, stopped.signal);
      if (deleted > 0) log.info({ deleted }, "old exchanges were pruned");
    } catch (error) {
      log.error({ err: error }, "old exchanges could not be pruned yet");
      if (!stopped.signal.aborted) setTimeout(() => void prune(), again).unref();
    }
  }

  void prune();
  const daily = setInterval(() => void prune(), day);
  daily.unref();
  return {
    stop() {
      stopped.abort();
      clearInterval(daily);
    },
  };
}
