import type { IncomingHttpHeaders } from "node:http";
import type { TraceContext } from "@trunkline/contracts";
import type { PricedExchange } from "@trunkline/store";
import type { Logger } from "pino";
import type { Environment } from "../../config/environment.ts";
import type { TelemetryConfig } from "../../config/telemetry-schema.ts";
import { version } from "../../version.ts";
import { spansOf } from "./spans.ts";
import { beginTrace, createAllowance, traceHeaders } from "./trace-context.ts";

/** Spans that wait for the collector; more are dropped, so that one that is gone costs no memory. */
const mostWaiting = 20_000;
const atOnce = 512;
/** Milliseconds spans wait for others, and an export may take. */
const waitMs = 1000;
const exportMs = 10_000;

export type Telemetry = {
  /** Where a request stands in its trace; null when it is in none. */
  begin(headers: IncomingHttpHeaders): TraceContext | null;
  /** What tells whoever is asked next. */
  headersOf(trace: TraceContext, headers: IncomingHttpHeaders): Record<string, string>;
  /** Tells of exchanges whose rows are on disk. */
  finished(exchanges: readonly PricedExchange[]): void;
  stop(): Promise<void>;
};

/** The collector's address for traces; a base address gets the path of the protocol. */
function addressOf({ otlp_endpoint: own }: TelemetryConfig, environment: Environment): string | undefined {
  const exact = environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
  if (own === undefined && exact) return exact;
  const base = own ?? environment["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (!base) return undefined;
  return base.endsWith("/v1/traces") ? base : `${base.replace(/\/$/, "")}/v1/traces`;
}

/** OpenTelemetry's exporter, loaded only where there is a collector to send to; undefined where there is none. */
export async function createTelemetry(
  config: TelemetryConfig,
  environment: Environment,
  log: Logger,
  familyOf: (provider: string) => string,
): Promise<Telemetry | undefined> {
  const url = addressOf(config, environment);
  if (url === undefined) return undefined;
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }, { diag, DiagLogLevel }] =
    await Promise.all([
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/exporter-trace-otlp-proto"),
      import("@opentelemetry/resources"),
      import("@opentelemetry/api"),
    ]);
  let said = 0;
  const complain = (message: string) => {
    // Once a minute: a collector that is gone stays gone for a while.
    if (Date.now() - said < 60_000) return;
    said = Date.now();
    log.warn(`traces cannot be sent to ${url}: ${message.slice(0, 300)}`);
  };
  const quiet = () => {};
  diag.setLogger(
    { error: complain, warn: complain, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const resource = resourceFromAttributes({
    "service.name": environment["OTEL_SERVICE_NAME"] ?? config.service_name,
    "service.version": version,
    "service.instance.id": `${process.pid}`,
  });
  const exporter = new OTLPTraceExporter({ url, headers: config.otlp_headers, timeoutMillis: exportMs });
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: mostWaiting,
    maxExportBatchSize: atOnce,
    scheduledDelayMillis: waitMs,
    exportTimeoutMillis: exportMs,
  });
  const rules = {
    sample: config.sample,
    mayTake: createAllowance(Math.max(1, config.most_per_second), () => performance.now()),
  };
  return {
    begin: (headers) => beginTrace(headers, rules),
    headersOf: traceHeaders,
    finished(exchanges) {
      for (const exchange of exchanges) for (const span of spansOf(exchange, familyOf, resource)) processor.onEnd(span);
    },
    stop: () => processor.shutdown().catch((error: unknown) => complain(String(error))),
  };
}
