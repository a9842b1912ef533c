import { packRows } from "@trunkline/store";
import type { Environment } from "../../config/environment.ts";
import { runGateway, type RunningGateway } from "../run-gateway.ts";
import { setUp } from "../setup.ts";
import { createLeasedLimits } from "./leased-limits.ts";
import { linkToPrimary } from "./primary-link.ts";

/** Serves as one of several worker processes, until the primary says to end or is gone. */
export async function serveWorker(environment: Environment): Promise<void> {
  let running: RunningGateway | undefined;
  let ended: () => void = () => {};
  const end = new Promise<void>((resolve) => (ended = resolve));
  let wanted: "stop" | "retire" | undefined;
  const finish = (how: "stop" | "retire") => {
    wanted = how;
    // One that is still starting ends once it has.
    void running?.[how]().finally(ended);
  };
  const link = linkToPrimary({
    onStop: () => finish("stop"),
    onRetire: () => finish("retire"),
    onCollect: () => running!.gateway.metrics.asJson(),
    onGone: () => finish("stop"),
  });
  // A terminal's Ctrl-C reaches every process: the primary decides when to end. A hang-up before there is a log to open anew ends nothing.
  for (const signal of ["SIGINT", "SIGTERM", "SIGUSR2", "SIGHUP"] as const) process.on(signal, () => {});
  const limits = createLeasedLimits({
    lease: (keyId, limit, want, now) => link.ask("lease", { keyId, limit, want, now }),
    giveBack: (keyId, began, count) => link.tell({ type: "give-back", keyId, began, count }),
  });
  try {
    running = await runGateway(await setUp(environment), {
      terminal: true,
      services: () => ({
        addressOf: (name) => ({
          current: () => undefined,
          whenUp: (waitMs) => link.ask("service", { name, waitMs }).catch(() => undefined),
        }),
        report: () => link.ask("services", null),
        restart: (name) => link.ask("restartService", name),
      }),
      shared: {
        limits,
        limiter: {
          enter: (question) => link.ask("enter", question),
          leave: (id, used, unused) => link.tell({ type: "leave", id, used, ...(unused ? { unused } : {}) }),
          renew: (ids, now) => link.tell({ type: "renew", ids, now }),
          close: () => {},
          report: (now) => link.ask("limitReport", now),
        },
        // Without a primary the rows are written here, so that none is lost with it.
        append: (exchanges) => (link.isThere() ? link.ask("append", packRows(exchanges)) : undefined),
        metricsText: () => link.ask("metrics", null),
      },
    });
    if (wanted) finish(wanted);
    else link.tell({ type: "ready", port: running.port, failures: running.gateway.current.failures });
  } catch (error) {
    link.tell({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    ended();
  }
  await end;
  limits.close();
  if (process.connected) process.disconnect!();
}
