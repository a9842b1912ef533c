import { Gauge, type Registry } from "prom-client";

/** Where the state of the moment is read, when somebody looks. */
export type GaugeSources = {
  queued(): number;
  /** Milliseconds the oldest of them has waited. */
  lagMs(): number;
  dropped(): number;
  active(): number;
  /** Requests at providers that take only so many at once. */
  queues(): readonly { readonly provider: string; readonly active: number; readonly waiting: number }[];
  /** Targets that are not asked now, as far as it goes, and for how many seconds. */
  resting(): readonly {
    readonly provider: string;
    readonly model: string;
    readonly state: string;
    readonly code: string;
    readonly seconds: number;
  }[];
  /** Used shares of limits. */
  limits(): Promise<
    readonly {
      readonly subject: string;
      readonly limit: string;
      readonly share: number;
      readonly remainingUsd: number | null;
    }[]
  >;
  killed(): readonly { readonly scope: string; readonly name: string }[];
  /** Accounts of vendors' programs. */
  accounts(): Promise<readonly { readonly provider: string; readonly account: string; readonly isUp: boolean }[]>;
  /** Used share of plans, as the vendors tell. */
  plans(): Promise<
    readonly { readonly provider: string; readonly account: string; readonly window: string; readonly share: number }[]
  >;
  /** Work in the background, by its status. */
  tasks(): Promise<Readonly<Record<string, number>>>;
  /** Workers connected here, by name. */
  workers(): readonly { readonly worker: string; readonly active: number; readonly capacity: number }[];
  services(): Promise<readonly { readonly name: string; readonly isUp: boolean; readonly restarts: number }[]>;
};

export function addGauges(registry: Registry, gauges: GaugeSources): void {
  const registers = [registry];
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
    name: "trunkline_ledger_lag_seconds",
    help: "How long the oldest finished exchange has waited to be on disk; 0 when none waits.",
    registers,
    aggregator: "max",
    collect() {
      this.set(gauges.lagMs() / 1000);
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
  for (const [name, help, member] of [
    ["trunkline_queue_active_requests", "Requests being answered by a vendor's program.", "active"],
    ["trunkline_queue_waiting_requests", "Requests waiting for a place at a vendor's program.", "waiting"],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ["provider"],
      registers,
      collect() {
        this.reset();
        for (const queue of gauges.queues()) this.set({ provider: queue.provider }, queue[member]);
      },
    });
  }

  // Of several processes' numbers about the same thing the largest counts, for they know the same in part.
  const aggregator = "max" as const;
  new Gauge({
    name: "trunkline_target_resting_seconds",
    help: "Seconds a target is still passed over, by state (cooling or breaker) and by the failure it rests for; an empty model is all of the provider.",
    labelNames: ["provider", "model", "state", "code"],
    registers,
    aggregator,
    collect() {
      this.reset();
      for (const { seconds, ...labels } of gauges.resting()) this.set(labels, seconds);
    },
  });
  new Gauge({
    name: "trunkline_limit_used_ratio",
    help: "Used share of limits and budgets, by whose; 1 is used up.",
    labelNames: ["subject", "limit"],
    registers,
    aggregator,
    async collect() {
      this.reset();
      for (const { subject, limit, share } of await gauges.limits()) this.set({ subject, limit }, share);
    },
  });
  new Gauge({
    name: "trunkline_kill_switches",
    help: "Kill switches in force.",
    labelNames: ["scope", "name"],
    registers,
    aggregator,
    collect() {
      this.reset();
      for (const { scope, name } of gauges.killed()) this.set({ scope, name }, 1);
    },
  });
  new Gauge({
    name: "trunkline_budget_remaining_usd",
    help: "What is left of budgets, in USD, by whose.",
    labelNames: ["subject", "limit"],
    registers,
    aggregator,
    async collect() {
      this.reset();
      for (const { subject, limit, remainingUsd } of await gauges.limits())
        if (remainingUsd !== null) this.set({ subject, limit }, remainingUsd);
    },
  });
  new Gauge({
    name: "trunkline_account_up",
    help: "Whether an account of a vendor's program can be asked: 1 or 0.",
    labelNames: ["provider", "account"],
    registers,
    aggregator: "min",
    async collect() {
      this.reset();
      for (const { provider, account, isUp } of await gauges.accounts()) this.set({ provider, account }, isUp ? 1 : 0);
    },
  });
  new Gauge({
    name: "trunkline_plan_used_ratio",
    help: "Used share of an account's plan, by its window; 1 is used up.",
    labelNames: ["provider", "account", "window"],
    registers,
    aggregator,
    async collect() {
      this.reset();
      for (const { share, ...labels } of await gauges.plans()) this.set(labels, share);
    },
  });
  new Gauge({
    name: "trunkline_tasks",
    help: "Tasks in the background, by status.",
    labelNames: ["status"],
    registers,
    aggregator,
    async collect() {
      this.reset();
      for (const [status, count] of Object.entries(await gauges.tasks())) this.set({ status }, count);
    },
  });
  for (const [name, help, member] of [
    ["trunkline_worker_active_requests", "Requests at workers that are connected.", "active"],
    ["trunkline_worker_capacity", "Requests workers that are connected take at once.", "capacity"],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ["worker"],
      registers,
      collect() {
        this.reset();
        for (const one of gauges.workers()) this.inc({ worker: one.worker }, one[member]);
      },
    });
  }
  for (const [name, help] of [
    ["trunkline_service_up", "Whether a service the gateway keeps running answers: 1 or 0."],
    ["trunkline_service_restarts", "Times a service was started again."],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ["service"],
      registers,
      aggregator,
      async collect() {
        this.reset();
        for (const { name: service, isUp, restarts } of await gauges.services())
          this.set({ service }, name === "trunkline_service_up" ? (isUp ? 1 : 0) : restarts);
      },
    });
  }
}
