import { isAbsolute, join, resolve } from "node:path";
import {
  childEnvironment,
  supervise,
  type ServiceAddress,
  type ServiceReport,
  type ServiceSpec,
  type Supervised,
} from "@trunkline/providers";
import type { Logger } from "pino";
import type { Environment } from "./config/environment.ts";
import { secretBoxOf, type Home } from "./config/home.ts";
import type { Config, ServiceProviderConfig, WorkerProviderConfig } from "./config/schema.ts";
import { ownWorkerToken } from "./workers.ts";
import { entry as commandFile } from "./process/entry.ts";

/** Where services are; they run beside this process or are another's. */
export type ServiceDirectory = {
  addressOf(name: string): ServiceAddress;
  report(): Promise<readonly ServiceReport[]>;
  /** False when there is none of this name. */
  restart(name: string): Promise<boolean>;
};

/** Processes the gateway keeps running. */
export type Services = ServiceDirectory & {
  /** Starts what is new in a configuration, ends what is not in it any more, and leaves alone what is the same. */
  configure(config: Config): void;
  /** The gateway answers at this address: workers can be started. */
  begin(gateway: string): void;
  stop(): Promise<void>;
};

export type ServicesOptions = {
  readonly home: Home;
  readonly environment: Environment;
  readonly log: Logger;
};

const stopMs = 10_000;

export function createServices({ home, environment, log }: ServicesOptions): Services {
  const running = new Map<string, Supervised>();
  let wanted: readonly ServiceSpec[] = [];
  let gateway: string | undefined;
  let current: Config | undefined;
  let isOver = false;

  const common = (
    name: string,
    entry: Pick<ServiceProviderConfig, "restart" | "log_mb" | "log_flood_mb_per_minute">,
  ): Pick<ServiceSpec, "name" | "restart" | "log" | "childrenFolder"> => ({
    name,
    restart: {
      policy: entry.restart.policy,
      firstWaitMs: entry.restart.first_wait_seconds * 1000,
      longestWaitMs: entry.restart.longest_wait_seconds * 1000,
      calmMs: entry.restart.calm_seconds * 1000,
    },
    log: {
      file: join(home.folder, "logs", "services", `${name}.log`),
      maxBytes: entry.log_mb * 1024 * 1024,
      floodBytesPerMinute: entry.log_flood_mb_per_minute * 1024 * 1024,
    },
    childrenFolder: home.childrenFolder,
  });

  const ownHome = environment["HOME"] ?? home.folder;

  function serviceSpec(name: string, entry: ServiceProviderConfig): ServiceSpec {
    const { health } = entry;
    return {
      ...common(name, entry),
      command: entry.command,
      folder: resolve(home.folder, entry.cwd ?? ""),
      environment: childEnvironment(environment, ownHome, entry.env),
      port: entry.port,
      health: {
        path: health.path,
        intervalMs: health.interval_seconds * 1000,
        timeoutMs: health.timeout_seconds * 1000,
        startMs: health.start_seconds * 1000,
        maxFailures: health.max_failures,
      },
      stopMs: entry.stop_seconds * 1000,
    };
  }

  function workerSpecs(name: string, entry: WorkerProviderConfig, address: string): ServiceSpec[] {
    const { launch } = entry;
    if (!launch) return [];
    const worker = entry.worker ?? name;
    return launch.profiles.map((profile) => ({
      ...common(`${name}-${profile.replaceAll(/[^\w.-]+/g, "-")}`, launch),
      command: [
        process.execPath,
        commandFile,
        "worker",
        "browser",
        `--gateway=${address}`,
        `--origin=${launch.origin}`,
        `--profile=${isAbsolute(profile) ? profile : join(home.folder, "workers", name, profile)}`,
        `--capacity=${launch.capacity}`,
        ...(launch.target === undefined ? [] : [`--target=${launch.target}`]),
        ...(launch.signed_in_cookie === undefined ? [] : [`--signed-in-cookie=${launch.signed_in_cookie}`]),
        ...(launch.browser === undefined ? [] : [`--browser=${launch.browser}`]),
      ],
      folder: home.folder,
      environment: childEnvironment(environment, ownHome, {
        TRUNKLINE_WORKER_TOKEN: ownWorkerToken(secretBoxOf(home), worker),
      }),
      port: undefined,
      health: undefined,
      stopMs,
    }));
  }

  function specsOf(config: Config): ServiceSpec[] {
    return Object.entries(config.providers).flatMap(([name, entry]) => {
      if (!entry.enabled) return [];
      if (entry.kind === "http-service") return [serviceSpec(name, entry)];
      return entry.kind === "browser-worker" && gateway !== undefined ? workerSpecs(name, entry, gateway) : [];
    });
  }

  async function bringUpToDate(): Promise<void> {
    const isSame = (one: ServiceSpec, other: ServiceSpec | undefined) => JSON.stringify(one) === JSON.stringify(other);
    const find = (name: string) => wanted.find((spec) => spec.name === name);
    const old = [...running.values()].filter(({ spec }) => !isSame(spec, find(spec.name)));
    // What takes its place may want the same port.
    await Promise.all(old.map((service) => service.stop()));
    for (const { spec } of old) running.delete(spec.name);
    if (isOver) return;
    for (const spec of wanted)
      if (!running.has(spec.name))
        running.set(
          spec.name,
          supervise(spec, (message, isBad) => log[isBad ? "warn" : "info"]({ service: spec.name }, message)),
        );
  }

  let updating: Promise<void> = Promise.resolve();

  function update(): void {
    if (!current) return;
    wanted = specsOf(current);
    updating = updating.then(bringUpToDate);
  }

  return {
    configure(config) {
      current = config;
      update();
    },
    begin(address) {
      gateway = address;
      update();
    },
    addressOf: (name) => ({
      current: () => running.get(name)?.port,
      // It may be about to be made.
      whenUp: (waitMs) => updating.then(() => running.get(name)?.whenUp(waitMs)),
    }),
    report: async () => [...running.values()].map((service) => service.report()),
    async restart(name) {
      const service = running.get(name);
      service?.restart();
      return service !== undefined;
    },
    async stop() {
      isOver = true;
      await updating;
      await Promise.all([...running.values()].map((service) => service.stop()));
    },
  };
}
