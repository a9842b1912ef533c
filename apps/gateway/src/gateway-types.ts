import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { ExchangeRecord, Key, KillSwitch } from "@trunkline/contracts";
import type { Limiter, RequestLimits } from "@trunkline/policies";
import type { PricedExchange, SecretBox, Store } from "@trunkline/store";
import type { Logger } from "pino";
import type { Alerts } from "./alerts/alerts.ts";
import type { Composition } from "./compose.ts";
import type { Environment } from "./config/environment.ts";
import type { Home } from "./config/home.ts";
import type { Config } from "./config/schema.ts";
import type { Desk } from "./desk/desk.ts";
import type { Asking } from "./desk/who.ts";
import type { ContentKeeper } from "./http/content-keeper.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Metrics } from "./observe/metrics.ts";
import type { Telemetry } from "./observe/telemetry/telemetry.ts";
import type { Probes } from "./probes.ts";
import type { SignIns } from "./sign-in/sign-ins.ts";
import type { ServiceDirectory } from "./services.ts";
import type { Targets } from "./targets.ts";
import type { Workers } from "./workers.ts";

export type GatewayOptions = {
  readonly config: Config;
  readonly home: Home;
  readonly environment: Environment;
  readonly log: Logger;
  readonly logExchange: (record: ExchangeRecord) => void;
  /** Processes the gateway keeps running, by whichever process that does. */
  readonly services: ServiceDirectory;
  /** What several processes have in common; absent in the only one. */
  readonly shared?: SharedParts;
};

export type SharedParts = {
  readonly limits: RequestLimits;
  readonly limiter: Limiter;
  /** Writes rows for all of them; undefined when there is nobody to, and this process must. */
  readonly append: (exchanges: readonly PricedExchange[]) => Promise<void> | undefined;
  /** The metrics of all of them. */
  readonly metricsText: () => Promise<string>;
};

/** One running gateway: what lives as long as the process, and the composition of the configuration in force. */
export type Gateway = {
  readonly current: Composition;
  readonly store: Store;
  readonly secretBox: SecretBox;
  readonly home: Home;
  readonly environment: Environment;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly contentKeeper: ContentKeeper;
  readonly draining: boolean;
  /** Its port is closed already: connections that are still open end with their next answer. */
  readonly retiring: boolean;
  /** Counts a request in until its response ends; false when the gateway is stopping. */
  begin(response: ServerResponse): boolean;
  /** The key of a request that is no exchange. Throws GatewayError. */
  authorize(headers: IncomingHttpHeaders, query: URLSearchParams | undefined): Promise<Key>;
  /** A key, or an operator. */
  authorizeReader(asking: Asking): Promise<void>;
  /** Who may do what at the operator's desk. */
  readonly desk: Desk;
  readonly alerts: Alerts;
  /** Undefined where nothing is traced. */
  readonly telemetry: Telemetry | undefined;
  readonly targets: Targets;
  readonly probes: Probes;
  /** Providers the configuration file names, as it stands there. */
  writtenProviders(): Readonly<Record<string, unknown>>;
  readonly signIns: SignIns;
  readonly workers: Workers;
  readonly services: ServiceDirectory;
  /** Undefined where it is switched off. */
  readonly jobs: Jobs | undefined;
  killSwitches(): Promise<readonly KillSwitch[]>;
  /** The state of every limit that is set. */
  limits(): Promise<readonly object[]>;
  health(): Promise<object>;
  /** Resolves when every exchange that has ended is on disk. */
  flush(): Promise<void>;
  /** Takes a new configuration for every request from now on; running ones end with the old. */
  reload(config: Config): Promise<void>;
  /** Goes on answering until every connection is closed, at most for the given time. */
  retire(drainMs: number, closed: Promise<unknown>): Promise<void>;
  metricsText(): Promise<string>;
  /** Lets running requests end for at most the given time, then writes out and closes. */
  stop(drainMs: number): Promise<void>;
};
