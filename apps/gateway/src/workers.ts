import type { Store } from "@trunkline/store";
import type { WorkerHub } from "@trunkline/workers";
import type { Logger } from "pino";

/** Workers' connections to this process. Loaded with the first provider that needs one, or the first worker that comes. */
export type Workers = {
  hub(): Promise<WorkerHub>;
  /** Undefined where none was needed yet. */
  readonly loaded: WorkerHub | undefined;
  close(): Promise<void>;
};

export function createWorkers(store: Pick<Store, "workerTokens">, log: Logger): Workers {
  let loading: Promise<WorkerHub> | undefined;
  let loaded: WorkerHub | undefined;

  async function load(): Promise<WorkerHub> {
    const { createWorkerHub } = await import("@trunkline/workers");
    loaded = createWorkerHub({
      workerOf: async (token) => (await store.workerTokens.find(token))?.worker,
      onEvent({ type, worker, detail }) {
        const isBad = type === "violation" || type === "refused";
        log[isBad ? "warn" : "info"]({ worker, event: type }, `workers: ${detail}`);
      },
    });
    return loaded;
  }

  return {
    hub: () => (loading ??= load()),
    get loaded() {
      return loaded;
    },
    close: async () => (await loading)?.close(),
  };
}
