import type { AccountReport, KillSwitch } from "@trunkline/contracts";
import type { ServiceReport } from "@trunkline/providers";
import type { Store } from "@trunkline/store";
import type { Composition } from "./compose.ts";
import { isoTime } from "./iso-time.ts";
import type { Probes } from "./probes.ts";
import type { ServiceDirectory } from "./services.ts";
import type { Targets } from "./targets.ts";
import { version } from "./version.ts";

export type HealthSources = {
  readonly store: Store;
  readonly current: Composition;
  readonly targets: Targets;
  readonly probes: Probes;
  readonly services: ServiceDirectory;
  readonly killSwitches: readonly KillSwitch[];
  readonly limits: readonly object[];
  readonly ledger: { readonly queued: number; readonly dropped: number };
  /** Requests being answered. */
  readonly active: number;
};

/** An account without its windows, which have an address of their own. */
function healthOf({ name, state, reason, until }: AccountReport): object {
  return { name, state, reason, until: isoTime(until) };
}

export function shownSwitch({ scope, name, reason, setAt, setBy }: KillSwitch): object {
  return { scope, name, reason, since: isoTime(setAt), by: setBy };
}

export function shownService({ since, until, logFile, logDropped, ...rest }: ServiceReport): object {
  return { ...rest, since: isoTime(since), until: isoTime(until), log_file: logFile, log_bytes_dropped: logDropped };
}

/** Everything that rests, with what for and until when. */
export function shownTargets({ health }: Targets, now: number): object[] {
  return health.resting(now).map(({ provider, model, kind, since, until, code, reason, isLastResort }) => ({
    provider,
    model,
    state: kind,
    since: isoTime(since),
    until: isoTime(until),
    code,
    reason,
    asked_when_alone: isLastResort,
  }));
}

/** The state of the gateway's parts. Times are ISO 8601. */
export async function readHealth(sources: HealthSources): Promise<object> {
  const { store, current, ledger } = sources;
  const database = await store.database
    .selectFrom("settings")
    .select("name")
    .limit(1)
    .execute()
    .then(
      () => "ok",
      (error: Error) => `failing: ${error.message}`,
    );
  return {
    status: database === "ok" && ledger.dropped === 0 ? "ok" : "degraded",
    version,
    database,
    ledger,
    kill_switches: sources.killSwitches.map(shownSwitch),
    active: sources.active,
    providers: [
      ...(await Promise.all(
        current.providers.map(async (provider) => ({
          name: provider.name,
          kind: provider.kind,
          status: "configured",
          ...(sources.probes.found(provider.name) ? { last_probe: sources.probes.found(provider.name) } : {}),
          ...(provider.queue ? { queue: provider.queue() } : {}),
          ...(provider.accounts ? { accounts: (await provider.accounts()).map(healthOf) } : {}),
        })),
      )),
      ...current.failures.map(({ name, reason }) => ({ name, status: "unavailable", reason })),
    ],
    services: (await sources.services.report().catch(() => [])).map(shownService),
    targets: shownTargets(sources.targets, Date.now()),
    limits: sources.limits,
    route_problems: current.routeProblems,
  };
}
