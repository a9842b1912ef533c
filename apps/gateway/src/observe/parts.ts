import type { Provider } from "@trunkline/providers";
import type { Store } from "@trunkline/store";
import type { ServiceDirectory } from "../services.ts";
import type { Workers } from "../workers.ts";
import type { GaugeSources } from "./gauges.ts";

type Parts = {
  readonly store: Store;
  readonly providers: () => readonly Provider[];
  readonly workers: Workers;
  readonly services: ServiceDirectory;
};

/** What metrics read of accounts, tasks, workers and services. What cannot be read is left out. */
export function partsOf({
  store,
  providers,
  workers,
  services,
}: Parts): Pick<GaugeSources, "accounts" | "plans" | "tasks" | "workers" | "services"> {
  async function reports() {
    const all = await Promise.all(
      providers().map(async (provider) =>
        ((await provider.accounts?.()) ?? []).map((account) => ({ provider: provider.name, account })),
      ),
    );
    return all.flat();
  }

  return {
    accounts: async () =>
      (await reports()).map(({ provider, account: { name, state } }) => {
        return { provider, account: name, isUp: state === "ready" };
      }),
    plans: async () =>
      (await reports()).flatMap(({ provider, account: { name, windows } }) =>
        windows.flatMap(({ type, utilization }) =>
          utilization === null ? [] : [{ provider, account: name, window: type, share: utilization }],
        ),
      ),
    tasks: () => store.tasks.counts().catch(() => ({})),
    workers: () => workers.loaded?.report() ?? [],
    services: async () =>
      (await services.report().catch(() => [])).map(({ name, state, restarts }) => {
        return { name, isUp: state === "up", restarts };
      }),
  };
}
