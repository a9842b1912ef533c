import { statfsSync } from "node:fs";
import { errorTable, type AlertKind, type AlertRule, type ErrorCode, type Key } from "@trunkline/contracts";
import type { LimitReport } from "@trunkline/policies";
import type { Provider } from "@trunkline/providers";
import type { Store } from "@trunkline/store";
import type { Targets } from "../targets.ts";
import { isoTime } from "../iso-time.ts";
import { thresholdOf } from "./kinds.ts";

/** Something to be told. Of the same subject it is told once in a rule's quiet time. */
export type Finding = { readonly subject: string; readonly title: string; readonly text: string };

export type Sources = {
  readonly store: Store;
  readonly targets: Targets;
  readonly providers: () => readonly Provider[];
  readonly limits: () => Promise<readonly LimitReport[]>;
  readonly folder: string;
  readonly now: () => number;
};

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const errorWindowMs = 5 * minuteMs;
/** Requests below which a rate says nothing. */
const fewest = 10;

const usd = (nano: number) => `$${(nano / 1e9).toFixed(2)}`;
const percent = (share: number) => `${Math.round(share * 100)} %`;

/** A failure of ours or the upstream's, rather than of the request. */
function isOurs(code: string): boolean {
  const known = Object.hasOwn(errorTable, code) ? errorTable[code as ErrorCode] : undefined;
  return code !== "" && (known === undefined || known.status >= 500);
}

function aboutBudget(
  { subject, limit, used, most, resetsAt }: LimitReport,
  isReached: boolean,
  keys: ReadonlyMap<string, Key>,
): Finding {
  const key = subject.startsWith("key:") ? keys.get(subject.slice("key:".length)) : undefined;
  const whose = key ? `key '${key.name}'` : subject.replace(":", " ");
  const fate = isReached ? "Requests are refused" : "Answers carry a warning";
  const until = resetsAt === null ? "" : ` until ${isoTime(resetsAt)}`;
  return {
    // A budget that begins anew is another one.
    subject: `${subject} ${limit} ${resetsAt ?? ""}`.trim(),
    title: `The budget of ${whose} is ${isReached ? "" : "nearly "}used up`,
    text: `${used} of ${most} (${limit}). ${fate}${until}.`,
  };
}

/** Those a request was refused for: it may be so much that it does not fit into what is left. */
async function refusing({ store, now }: Sources, all: readonly LimitReport[], keys: ReadonlyMap<string, Key>) {
  const range = { since: now() - errorWindowMs, until: now() + 1, bucketMs: null } as const;
  const refused = await store.statistics.readSmall({ ...range, by: "key", error: "budget_exceeded" });
  return refused.flatMap(({ name }) => {
    const key = keys.get(name);
    const subjects = new Set([`key:${name}`, `user:${key?.user ?? ""}`, `group:${key?.group ?? ""}`]);
    const nearest = all.filter(({ subject }) => subjects.has(subject)).toSorted((x, y) => y.share - x.share)[0];
    return nearest ? [nearest] : [];
  });
}

async function budgets(sources: Sources, state: "soft" | "reached"): Promise<Finding[]> {
  const all = (await sources.limits()).filter(({ limit }) => limit.startsWith("budget"));
  if (all.length === 0) return [];
  const keys = new Map((await sources.store.keys.list()).map((key) => [key.id, key]));
  const isReached = state === "reached";
  const found = new Set(all.filter((report) => report.state === state));
  if (isReached) for (const report of await refusing(sources, all, keys)) found.add(report);
  return [...found].map((report) => aboutBudget(report, isReached, keys));
}

async function errorRate({ store, now }: Sources, rule: AlertRule): Promise<Finding[]> {
  const since = now() - errorWindowMs;
  const rows = await store.statistics.readSmall({ since, until: now() + 1, bucketMs: null, by: "error" });
  const requests = rows.reduce((sum, row) => sum + row.requests, 0);
  const failed = rows.filter(({ name }) => isOurs(name));
  const errors = failed.reduce((sum, row) => sum + row.requests, 0);
  if (requests < fewest || (errors / requests) * 100 < thresholdOf(rule)) return [];
  const codes = failed.toSorted((a, b) => b.requests - a.requests).map((row) => `${row.name} (${row.requests})`);
  return [
    {
      subject: "all",
      title: `${percent(errors / requests)} of the requests fail`,
      text: `${errors} of ${requests} in the last 5 minutes: ${codes.slice(0, 5).join(", ")}.`,
    },
  ];
}

function providersDown({ targets, now }: Sources, rule: AlertRule): Finding[] {
  const since = now() - thresholdOf(rule) * minuteMs;
  return targets.health
    .resting(now())
    .filter((rest) => rest.since <= since)
    .map(({ provider, model, reason, until, since: from }) => {
      const name = model === null ? `provider '${provider}'` : `model '${provider}/${model}'`;
      return {
        subject: `${provider}/${model ?? ""}`,
        title: `The ${name} cannot be asked`,
        text: `Since ${isoTime(from)}: ${reason}. It is tried again at ${isoTime(until)}.`,
      };
    });
}

async function quotas({ providers }: Sources, rule: AlertRule): Promise<Finding[]> {
  const found = await Promise.all(
    providers().map(async (provider) => {
      const accounts = (await provider.accounts?.()) ?? [];
      return accounts.flatMap(({ name, windows }) =>
        windows
          .filter(({ utilization }) => utilization !== null && utilization * 100 >= thresholdOf(rule))
          .map(({ type, utilization, resetsAt }) => ({
            subject: `${provider.name}/${name} ${type} ${resetsAt ?? ""}`.trim(),
            title: `${percent(utilization!)} of the plan of ${provider.name}/${name} are used`,
            text: `The window '${type}'${resetsAt === null ? "" : ` begins anew at ${isoTime(resetsAt)}`}.`,
          })),
      );
    }),
  );
  return found.flat();
}

async function signIns({ store, now }: Sources, rule: AlertRule): Promise<Finding[]> {
  const failures = await store.signInFailures.since(now() - hourMs);
  if (failures < thresholdOf(rule)) return [];
  return [
    {
      subject: "all",
      title: `${failures} sign-ins failed within an hour`,
      text: "Names and addresses that fail too often are locked for a while. The audit log lists who tried.",
    },
  ];
}

function disk({ folder }: Sources, rule: AlertRule): Finding[] {
  const { bavail, blocks, bsize } = statfsSync(folder);
  const share = blocks === 0 ? 1 : bavail / blocks;
  if (share * 100 >= thresholdOf(rule)) return [];
  const free = `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB`;
  return [
    {
      subject: folder,
      title: `Only ${percent(share)} of the disk are free`,
      text: `${free} where ${folder} is. When it is full, requests are not written down and budgets cannot be kept.`,
    },
  ];
}

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);

async function dailyCost({ store, now }: Sources, rule: AlertRule): Promise<Finding[]> {
  const since = Math.floor(now() / dayMs) * dayMs;
  const [sum] = await store.statistics.readSmall({ since, until: now() + 1, bucketMs: null });
  if (!sum || sum.cost_nano_usd / 1e9 < thresholdOf(rule)) return [];
  return [
    {
      subject: dayOf(since),
      title: `${usd(sum.cost_nano_usd)} were spent today`,
      text: `${sum.requests} requests on ${dayOf(since)} (UTC) so far.`,
    },
  ];
}

async function dailyReport({ store, now }: Sources, rule: AlertRule): Promise<Finding[]> {
  const today = Math.floor(now() / dayMs) * dayMs;
  if (now() < today + thresholdOf(rule) * hourMs) return [];
  const range = { since: today - dayMs, until: today, bucketMs: null } as const;
  const [sum] = await store.statistics.readSmall(range);
  const models = await store.statistics.readSmall({ ...range, by: "model" });
  const top = models.toSorted((a, b) => b.cost_nano_usd - a.cost_nano_usd || b.requests - a.requests).slice(0, 5);
  const lines = top.map((row) => `${row.name || "refused"}: ${usd(row.cost_nano_usd)}, ${row.requests} requests`);
  return [
    {
      subject: dayOf(today - dayMs),
      title: `${dayOf(today - dayMs)}: ${usd(sum?.cost_nano_usd ?? 0)}, ${sum?.requests ?? 0} requests`,
      text: sum
        ? [`${sum.errors} errors, ${sum.input_tokens + sum.output_tokens} tokens.`, ...lines].join("\n")
        : "Nobody asked anything.",
    },
  ];
}

/** What there is to tell of a rule's kind just now. */
export async function findingsOf(sources: Sources, rule: AlertRule): Promise<readonly Finding[]> {
  const looks: Readonly<Record<AlertKind, () => Finding[] | Promise<Finding[]>>> = {
    budget_soft: () => budgets(sources, "soft"),
    budget_hard: () => budgets(sources, "reached"),
    error_rate: () => errorRate(sources, rule),
    provider_down: () => providersDown(sources, rule),
    quota_low: () => quotas(sources, rule),
    sign_in_failures: () => signIns(sources, rule),
    disk_low: () => disk(sources, rule),
    daily_cost: () => dailyCost(sources, rule),
    daily_report: () => dailyReport(sources, rule),
  };
  return looks[rule.kind]();
}
