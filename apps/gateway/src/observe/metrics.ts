import type { ExchangeRecord } from "@trunkline/contracts";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

const latencyBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Everything /metrics shows, by name; the reference page is made from this. */
export function createMetrics(gauges: { queued(): number; dropped(): number; active(): number }) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const target = ["provider", "model"] as const;
  const requests = new Counter({
    name: "http_requests_total",
    help: "Requests answered on model routes.",
    labelNames: ["dialect", "operation", "status"],
    registers,
  });
  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from a request's arrival to the end of its answer.",
    labelNames: ["dialect", "stream"],
    buckets: latencyBuckets,
    registers,
  });
  const upstream = new Counter({
    name: "trunkline_upstream_requests_total",
    help: "Tries at a provider.",
    labelNames: target,
    registers,
  });
  const success = new Counter({
    name: "trunkline_success_requests_total",
    help: "Exchanges that ended well.",
    labelNames: target,
    registers,
  });
  const errors = new Counter({
    name: "trunkline_error_requests_total",
    help: "Exchanges that ended in an error.",
    labelNames: [...target, "code"],
    registers,
  });
  const latency = new Histogram({
    name: "trunkline_upstream_latency_seconds",
    help: "Duration of tries at a provider.",
    labelNames: ["provider"],
    buckets: latencyBuckets,
    registers,
  });
  const firstToken = new Histogram({
    name: "trunkline_stream_first_token_latency_seconds",
    help: "Time until the first content of a stream.",
    labelNames: ["provider"],
    buckets: latencyBuckets,
    registers,
  });
  const input = new Counter({
    name: "trunkline_input_tokens_total",
    help: "Input tokens, cached ones included.",
    labelNames: target,
    registers,
  });
  const output = new Counter({
    name: "trunkline_output_tokens_total",
    help: "Output tokens, reasoning included.",
    labelNames: target,
    registers,
  });
  const cached = new Counter({
    name: "trunkline_cache_read_tokens_total",
    help: "Input tokens read from a provider's prompt cache.",
    labelNames: target,
    registers,
  });
  const cost = new Counter({
    name: "trunkline_cost_usd_total",
    help: "Cost in USD, where the price is known.",
    labelNames: target,
    registers,
  });
  new Gauge({
    name: "trunkline_active_requests",
    help: "Requests being answered.",
    registers,
    collect() {
      this.set(gauges.active());
    },
  });
  new Gauge({
    name: "trunkline_ledger_queued_rows",
    help: "Finished exchanges not yet on disk.",
    registers,
    collect() {
      this.set(gauges.queued());
    },
  });
  new Gauge({
    name: "trunkline_ledger_dropped_rows",
    help: "Exchanges given up because the database did not take them.",
    registers,
    collect() {
      this.set(gauges.dropped());
    },
  });

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    /** For one text of several processes. */
    asJson: (): Promise<object> => registry.getMetricsAsJSON(),
    /** Names and help texts, for the reference page. */
    describe: async () =>
      (await registry.getMetricsAsJSON()).map(({ name, help, type }) => ({ name, help, type: String(type) })),
    finished(record: ExchangeRecord): void {
      requests.inc({ dialect: record.dialect, operation: record.operation, status: record.status });
      duration.observe({ dialect: record.dialect, stream: String(record.stream) }, record.durationMs / 1000);
      if (record.provider === "") return;
      const { provider, usage } = record;
      // A model's name comes from the client where a provider takes any: only names that worked become label values.
      const labels = { provider, model: record.outcome === "ok" ? record.model : "" };
      if (record.outcome === "ok") success.inc(labels);
      else errors.inc({ ...labels, code: record.errorCode ?? "unknown" });
      for (const attempt of record.attempts) {
        upstream.inc(labels);
        latency.observe({ provider: attempt.provider }, attempt.durationMs / 1000);
      }
      if (record.stream && record.firstContentMs !== null)
        firstToken.observe({ provider }, record.firstContentMs / 1000);
      if (!usage) return;
      input.inc(labels, usage.inputTokens);
      output.inc(labels, usage.outputTokens);
      if (usage.cacheReadTokens > 0) cached.inc(labels, usage.cacheReadTokens);
    },
    cost(record: ExchangeRecord, nanoUsd: number): void {
      cost.inc({ provider: record.provider, model: record.outcome === "ok" ? record.model : "" }, nanoUsd / 1e9);
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
