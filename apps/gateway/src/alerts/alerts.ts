import { createHash } from "node:crypto";
import { newId, type AlertChannel, type AlertEvent, type AlertRule } from "@trunkline/contracts";
import type { Logger } from "pino";
import { createChannels } from "./channels.ts";
import { findingsOf, type Finding, type Sources } from "./findings.ts";
import { allRules } from "./kinds.ts";

const minuteMs = 60_000;

export type Alerts = {
  /** Sends a message that says it is a test. Null when it arrived. */
  test(channel: AlertChannel): Promise<string | null>;
  stop(): Promise<void>;
};

export type AlertsOptions = Sources & {
  readonly settings: () => { readonly checkMs: number; readonly timeoutMs: number; readonly attempts: number };
  readonly log: Logger;
};

/** The same of the same, within the quiet time, under the same id: of several processes one tells it. */
function eventId({ kind, id: rule, quietMinutes }: AlertRule, subject: string, now: number): string {
  const window = Math.floor(now / Math.max(minuteMs, quietMinutes * minuteMs));
  return `alert_${createHash("sha256")
    .update(JSON.stringify([kind, rule, subject, window]))
    .digest("base64url")
    .slice(0, 24)}`;
}

/** Looks every few seconds whether there is something to tell, and tells it. */
export function startAlerts(options: AlertsOptions): Alerts {
  const { store, log, now, settings } = options;
  const channels = createChannels(settings);
  let timer: NodeJS.Timeout;
  let isOver = false;
  let looking: Promise<void> | undefined;

  async function tell(rule: AlertRule, finding: Finding, all: readonly AlertChannel[]): Promise<void> {
    const at = now();
    const last = await store.alerts.lastOf(rule.kind, finding.subject);
    if (last !== undefined && at - last < rule.quietMinutes * minuteMs) return;
    const event: AlertEvent = {
      id: eventId(rule, finding.subject, at),
      kind: rule.kind,
      at,
      deliveries: {},
      ...finding,
    };
    if (!(await store.alerts.claimEvent(event))) return;
    log.warn({ alert: rule.kind, subject: finding.subject }, finding.title);
    const wanted = all.filter(
      ({ id, isEnabled }) => isEnabled && (rule.channels.length === 0 || rule.channels.includes(id)),
    );
    const told = await Promise.all(
      wanted.map(async (channel) => [channel.name, await channels.send(channel, event)] as const),
    );
    for (const [channel, problem] of told)
      if (problem !== null) log.error({ alert: rule.kind, channel }, `an alert could not be told: ${problem}`);
    await store.alerts.putEvent({ ...event, deliveries: Object.fromEntries(told) });
  }

  async function look(): Promise<void> {
    const rules = allRules(await store.alerts.rules()).filter(({ isEnabled }) => isEnabled);
    const all = await store.alerts.channels();
    // One that cannot be looked at, or told, keeps no other from it.
    await Promise.all(
      rules.map(async (rule) => {
        try {
          for (const finding of await findingsOf(options, rule)) await tell(rule, finding, all);
        } catch (error) {
          if (!isOver) log.error({ err: error, alert: rule.kind }, "an alert could not be looked at");
        }
      }),
    );
  }

  function schedule(): void {
    if (isOver) return;
    timer = setTimeout(() => {
      looking = look()
        .catch((error: unknown) => {
          if (!isOver) log.error({ err: error }, "alerts cannot be looked at; the database does not answer");
        })
        .finally(schedule);
    }, settings().checkMs);
    timer.unref();
  }

  schedule();
  return {
    test: (channel) =>
      channels.send(channel, {
        id: newId("alert_"),
        kind: "test",
        subject: "test",
        title: "A test of Trunkline's alerts",
        text: "Nothing has happened: somebody wanted to know whether alerts arrive here.",
        at: now(),
      }),
    async stop() {
      isOver = true;
      clearTimeout(timer);
      await looking;
      await channels.close();
    },
  };
}
