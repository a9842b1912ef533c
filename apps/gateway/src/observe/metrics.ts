import type { ExchangeRecord } from "@trunkline/contracts";
import { Counter, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { addGauges, type GaugeSources } from "./gauges.ts";

const latencyBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Everything /metrics shows, by name; the reference page is made from this. */
export function createMetrics(gauges: GaugeSources) {
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
  const overhead = new Histogram({
    name: "trunkline_overhead_seconds",
    help: "Time from a request's arrival until the first provider is asked: policies, limits and routing.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const interToken = new Histogram({
    name: "trunkline_stream_inter_token_latency_seconds",
    help: "Time between two output tokens of a stream, on average over it.",
    labelNames: ["provider"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
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
  const cacheRequests = new Counter({
    name: "trunkline_cache_requests_total",
    help: "Requests by what the cache had to do with them: hit, miss or bypass.",
    labelNames: ["result"],
    registers,
  });
  const saved = new Counter({
    name: "trunkline_cache_saved_usd_total",
    help: "What answers from the cache would have cost, in USD.",
    registers,
  });
  const retried = new Counter({
    name: "trunkline_failovers_total",
    help: "Tries after the first of a request, by the target that was asked then.",
    labelNames: target,
    registers,
  });
  const secrets = new Counter({
    name: "trunkline_secrets_found_total",
    help: "Credentials found in answers, by whose they look like and whether they were taken out (on) or told of (report).",
    labelNames: ["provider", "kind", "action"],
    registers,
  });
  addGauges(registry, gauges);

  /** Sums not yet in the registry, by what they are labelled with: handing each number on as it comes costs five times as much. */
  const sums = new Map<string, Sums>();

  function sumsFor(record: ExchangeRecord): Sums {
    const { dialect, operation, status, provider, errorCode } = record;
    // A model's name comes from the client where a provider takes any: only names that worked become label values.
    const model = record.outcome === "ok" ? record.model : "";
    const name = `${dialect} ${operation} ${status} ${provider} ${model} ${errorCode}`;
    let found = sums.get(name);
    if (!found) {
      const labels = { provider, model };
      found = {
        request: { dialect, operation, status },
        labels,
        code: errorCode ?? "unknown",
        isOk: record.outcome === "ok",
        ...noSums,
      };
      sums.set(name, found);
    }
    return found;
  }

  function handOn(): void {
    for (const one of sums.values()) {
      const { labels } = one;
      requests.inc(one.request, one.count);
      if (labels.provider === "") continue;
      if (one.isOk) success.inc(labels, one.count);
      else errors.inc({ ...labels, code: one.code }, one.count);
      if (one.attempts > 0) upstream.inc(labels, one.attempts);
      if (one.input > 0) input.inc(labels, one.input);
      if (one.output > 0) output.inc(labels, one.output);
      if (one.cached > 0) cached.inc(labels, one.cached);
      if (one.nanoUsd > 0) cost.inc(labels, one.nanoUsd / 1e9);
    }
    sums.clear();
  }

  return {
    contentType: registry.contentType,
    text(): Promise<string> {
      handOn();
      return registry.metrics();
    },
    /** For one text of several processes. */
    asJson(): Promise<object> {
      handOn();
      return registry.getMetricsAsJSON();
    },
    /** Names and help texts, for the reference page. */
    describe: async () =>
      (await registry.getMetricsAsJSON()).map(({ name, help, type }) => ({ name, help, type: String(type) })),
    finished(record: ExchangeRecord): void {
      const { provider, usage } = record;
      const one = sumsFor(record);
      one.count++;
      duration.observe({ dialect: record.dialect, stream: String(record.stream) }, record.durationMs / 1000);
      if (provider === "") return;
      if (record.cache !== null) cacheRequests.inc({ result: record.cache });
      let tries = 0;
      for (const attempt of record.attempts) {
        if (attempt.isSkipped) continue;
        one.attempts++;
        if (++tries > 1)
          retried.inc({ provider: attempt.provider, model: record.outcome === "ok" ? attempt.model : "" });
        if (tries === 1) overhead.observe(Math.max(0, attempt.startedAt - record.startedAt) / 1000);
        latency.observe({ provider: attempt.provider }, attempt.durationMs / 1000);
      }
      if (record.stream && record.firstContentMs !== null) {
        firstToken.observe({ provider }, record.firstContentMs / 1000);
        if (usage && usage.outputTokens > 1)
          interToken.observe(
            { provider },
            (record.durationMs - record.firstContentMs) / (usage.outputTokens - 1) / 1000,
          );
      }
      if (usage && record.cache !== "hit") {
        one.input += usage.inputTokens;
        one.output += usage.outputTokens;
        one.cached += usage.cacheReadTokens;
      }
      // However many names there are, memory is not theirs.
      if (sums.size > mostSums) handOn();
    },
    secretFound(provider: string, kind: string, action: string): void {
      secrets.inc({ provider, kind, action });
    },
    cost(record: ExchangeRecord, nanoUsd: number): void {
      if (record.cache === "hit") saved.inc(nanoUsd / 1e9);
      else sumsFor(record).nanoUsd += nanoUsd;
    },
  };
}

/** Kinds of request summed before they are handed on all the same. */
const mostSums = 1000;

const noSums = { count: 0, attempts: 0, input: 0, output: 0, cached: 0, nanoUsd: 0 };

type Sums = {
  readonly request: { readonly dialect: string; readonly operation: string; readonly status: number };
  readonly labels: { readonly provider: string; readonly model: string };
  readonly code: string;
  readonly isOk: boolean;
} & { -readonly [Name in keyof typeof noSums]: number };

export type Metrics = ReturnType<typeof createMetrics>;
