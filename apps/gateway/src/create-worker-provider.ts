import { GatewayError } from "@trunkline/contracts";
import { createHttpProvider, defaultTimeouts, presetOf, type HttpClient, type Provider } from "@trunkline/providers";
import type { WorkerProviderConfig } from "./config/schema.ts";
import type { ApiOptions } from "./create-providers.ts";
import type { Workers } from "./workers.ts";

/** Stands where an address is needed and none is known: the worker has its own. */
const nowhere = "http://worker.invalid/v1";

/** Says what is wrong to whoever asks a worker where none can be connected. */
const noHub: HttpClient = {
  send(_request, handler) {
    queueMicrotask(() =>
      handler.error(new GatewayError("worker_missing", "Workers are connected to the running gateway: ask there.")),
    );
    return { cancel() {}, pause() {}, resume() {} };
  },
  close() {},
};

/** An API that is reached through workers. */
export async function workerProviderFor(
  entry: WorkerProviderConfig,
  options: ApiOptions,
  workers: Workers | undefined,
): Promise<Provider> {
  const worker = entry.worker ?? options.name;
  const waiting = { waitMs: entry.wait_seconds * 1000, queue: entry.queue };
  const hub = await workers?.hub();
  const provider = await createHttpProvider({
    ...options,
    baseUrl: options.baseUrl ?? presetOf(options.preset).baseUrl ?? nowhere,
    connect: async (_origin, timeouts) =>
      hub?.client(worker, { ...waiting, timeouts: { ...defaultTimeouts, ...timeouts } }) ?? noHub,
  });
  return {
    ...provider,
    kind: "browser-worker",
    queue: () => ({
      active: (hub?.report() ?? []).filter((one) => one.worker === worker).reduce((sum, one) => sum + one.active, 0),
      waiting: hub?.waiting(worker) ?? 0,
    }),
  };
}
