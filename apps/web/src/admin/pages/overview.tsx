import type { HealthView, QuotaView, StatisticsRowView, StatisticsView } from "@trunkline/admin/api";
import { Link } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { bytes, compact, count, milliseconds, percent, usd } from "../../shared/format.ts";
import { useGet, useList } from "../app/queries.ts";
import { useFilters } from "../app/use-search.ts";
import { Chart } from "../parts/chart.tsx";
import { SelectField } from "../parts/controls.tsx";
import { Badge, Bar, Card, Empty, Note, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { bucketMsOf, completed, rangeOf, rangeNames, type RangeName } from "../parts/ranges.ts";
import { FirstSteps } from "../parts/first-steps.tsx";

const refreshMs = 15_000;

function Stat({
  label,
  value,
  more,
}: {
  readonly label: string;
  readonly value: ReactNode;
  readonly more?: ReactNode;
}) {
  return (
    <div className="grid min-w-0 gap-0.5 rounded-xl border border-line bg-raised p-3.5">
      <dt className="text-xs text-soft">{label}</dt>
      <dd className="truncate text-2xl font-semibold tabular-nums">{value}</dd>
      <dd className="min-h-4 truncate text-xs text-soft">{more}</dd>
    </div>
  );
}

export function OverviewPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useFilters();
  const range = (rangeNames.find((name) => name === search["range"]) ?? "day") satisfies RangeName;
  const asked = useMemo(() => rangeOf(range), [range]);
  const common = { since: asked.since, offset_minutes: asked.offsetMinutes };
  const every = { everyMs: refreshMs };
  const health = useGet<HealthView>("/health", undefined, every);
  const total = useGet<StatisticsView>("/statistics", { ...common, bucket: "all" }, every);
  const over = useGet<StatisticsView>("/statistics", { ...common, bucket: asked.bucket }, every);

  const sum = total.data?.rows[0];
  return (
    <Page
      title={t("nav.overview")}
      actions={
        <SelectField
          label={t("range")}
          hideLabel
          value={range}
          onChange={({ target }) => setSearch({ range: target.value === "day" ? undefined : target.value })}
          options={rangeNames.map((name) => [name, t(`ranges.${name}`)])}
        />
      }
    >
      {health.error !== null && <Problem error={health.error} onRetry={() => void health.refetch()} />}
      {health.data && <HealthLine health={health.data} />}
      {total.error !== null && <Problem error={total.error} onRetry={() => void total.refetch()} />}
      <Numbers sum={sum} isLoading={total.isLoading} health={health.data} />
      {total.data && !sum && <FirstSteps />}
      <Charts rows={over.data} bucketMs={bucketMsOf(asked.bucket)} />
      <div className="grid gap-4 lg:grid-cols-2">
        <Ranking title={t("overview.byModel")} by="model" query={common} filter="model" />
        <Ranking title={t("overview.byKey")} by="key" query={common} filter="key" />
      </div>
      <Quotas />
    </Page>
  );
}

function HealthLine({ health }: { readonly health: HealthView }) {
  const { t } = useTranslation();
  const isWell = health.status === "ok" && health.problems.length === 0;
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-x-5 gap-y-2 text-sm">
        <Badge tone={health.status === "ok" ? (isWell ? "good" : "warn") : "bad"}>
          {t(isWell ? "overview.well" : health.status === "ok" ? "overview.partly" : "overview.degraded")}
        </Badge>
        <span>{t("overview.active", { count: health.active })}</span>
        <span>{t("overview.waiting", { count: health.waiting })}</span>
        <span>
          {t("overview.providers", {
            ok: health.providers.ok,
            other: health.providers.resting + health.providers.unavailable,
          })}
        </span>
        {health.kill_switches > 0 && <Badge tone="bad">{t("overview.killed", { count: health.kill_switches })}</Badge>}
        {health.ledger.dropped > 0 && (
          <Badge tone="bad">{t("overview.dropped", { count: health.ledger.dropped })}</Badge>
        )}
        <span className="text-soft">
          {t("overview.since")} <When at={health.started} /> · {health.version} · {bytes(health.memory_bytes)}
          {health.disk_free_bytes !== null && ` · ${t("overview.disk", { free: bytes(health.disk_free_bytes) })}`}
        </span>
      </div>
      {health.problems.length > 0 && (
        <ul className="mt-3 grid gap-1.5">
          {health.problems.map((problem) => (
            <li key={problem}>
              <Note tone="warn">{problem}</Note>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Numbers({
  sum,
  isLoading,
  health,
}: {
  readonly sum: StatisticsRowView | undefined;
  readonly isLoading: boolean;
  readonly health: HealthView | undefined;
}) {
  const { t } = useTranslation();
  const value = (shown: (row: StatisticsRowView) => ReactNode) => (isLoading ? "…" : sum ? shown(sum) : "–");
  return (
    <dl className="grid grid-cols-2 gap-3 md:grid-cols-4">
      <Stat
        label={t("overview.requests")}
        value={value(({ requests }) => compact(requests))}
        more={sum && t("overview.cacheHits", { count: sum.cache_hits })}
      />
      <Stat
        label={t("overview.cost")}
        value={value((row) => usd(row.cost_usd))}
        more={sum && sum.unpriced > 0 ? t("overview.unpriced", { count: sum.unpriced }) : ""}
      />
      <Stat
        label={t("overview.tokens")}
        value={value((row) => compact(row.input_tokens + row.output_tokens))}
        more={sum && t("overview.inOut", { input: compact(sum.input_tokens), output: compact(sum.output_tokens) })}
      />
      <Stat
        label={t("overview.latency")}
        value={value((row) => milliseconds(row.p50_ms))}
        more={sum && `p95 ${milliseconds(sum.p95_ms)}`}
      />
      <Stat
        label={t("overview.errorRate")}
        value={value((row) => percent(row.requests === 0 ? 0 : row.errors / row.requests, 2))}
        more={sum && t("overview.errors", { count: sum.errors })}
      />
      <Stat
        label={t("overview.firstToken")}
        value={value((row) => milliseconds(row.first_p50_ms))}
        more={sum && `p95 ${milliseconds(sum.first_p95_ms)}`}
      />
      <Stat
        label={t("overview.saved")}
        value={value((row) => usd(row.saved_usd))}
        more={sum && t("overview.cached", { count: compact(sum.cache_read_tokens) as never })}
      />
      <Stat label={t("overview.queue")} value={health ? count(health.waiting) : "…"} more={t("overview.queueHint")} />
    </dl>
  );
}

function Charts({ rows, bucketMs }: { readonly rows: StatisticsView | undefined; readonly bucketMs: number }) {
  const { t } = useTranslation();
  const points = useMemo(() => (rows ? completed(rows, bucketMs) : undefined), [rows, bucketMs]);
  const times = useMemo(() => points?.map(({ time }) => time) ?? [], [points]);
  const series = useMemo(() => {
    const of = (value: (row: StatisticsRowView) => number | null) =>
      points?.map(({ row }) => (row ? value(row) : null)) ?? [];
    const zero = (values: readonly (number | null)[]) => values.map((one) => one ?? 0);
    return {
      requests: [
        { label: t("overview.requests"), values: zero(of((row) => row.requests)), color: "accent", fill: true },
        { label: t("overview.failed"), values: zero(of((row) => row.errors)), color: "bad" },
      ],
      cost: [{ label: t("overview.cost"), values: zero(of((row) => row.cost_usd)), color: "info", fill: true }],
      latency: [
        { label: "p50", values: of((row) => row.p50_ms), color: "accent" },
        { label: "p95", values: of((row) => row.p95_ms), color: "warn", dash: true },
      ],
      tokens: [
        { label: t("overview.input"), values: zero(of((row) => row.input_tokens)), color: "info", fill: true },
        { label: t("overview.output"), values: zero(of((row) => row.output_tokens)), color: "accent" },
      ],
    } as const;
  }, [points, t]);

  const chart = (name: keyof typeof series, title: string, format: (value: number) => string) => (
    <Card title={title}>
      {points ? (
        <Chart label={title} times={times} series={series[name]} format={format} />
      ) : (
        <div className="h-[14.4rem]">
          <Waiting />
        </div>
      )}
    </Card>
  );
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      {chart("requests", t("overview.requests"), compact)}
      {chart("cost", t("overview.cost"), usd)}
      {chart("latency", t("overview.latency"), milliseconds)}
      {chart("tokens", t("overview.tokens"), compact)}
    </div>
  );
}

function Ranking({
  title,
  by,
  query,
  filter,
}: {
  readonly title: string;
  readonly by: "model" | "key";
  readonly query: { readonly since: string; readonly offset_minutes: number };
  readonly filter: string;
}) {
  const { t } = useTranslation();
  const { data } = useGet<StatisticsView>("/statistics", { ...query, bucket: "all", by }, { everyMs: refreshMs });
  const rows = data?.rows.toSorted((a, b) => b.cost_usd - a.cost_usd || b.requests - a.requests).slice(0, 8);
  const most = Math.max(1e-9, ...(rows?.map((row) => row.cost_usd || row.requests * 1e-9) ?? []));
  return (
    <Card title={title}>
      {!rows && <Waiting />}
      {rows?.length === 0 && <p className="text-sm text-soft">{t("overview.nothingYet")}</p>}
      <ul className="grid gap-2.5">
        {rows?.map((row) => (
          <li key={row.name} className="grid gap-1 text-sm">
            <div className="flex justify-between gap-3">
              <Link
                to="/requests"
                search={
                  {
                    [filter]: by === "model" ? row.name.slice(row.name.indexOf("/") + 1) : row.name,
                    since: query.since,
                  } as never
                }
                className="min-w-0 truncate underline-offset-2 hover:underline"
              >
                {row.name || t("unknown")}
              </Link>
              <span className="shrink-0 tabular-nums">
                {usd(row.cost_usd)} <span className="text-soft">· {compact(row.requests)}</span>
              </span>
            </div>
            <Bar share={(row.cost_usd || row.requests * 1e-9) / most} label={row.name} tone="info" />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Quotas() {
  const { t } = useTranslation();
  const { items, error } = useList<QuotaView>("/quota", { limit: 100 }, { everyMs: refreshMs });
  return (
    <Card title={t("overview.quotas")}>
      {error !== null && <Problem error={error} />}
      {items?.length === 0 && <Empty title={t("overview.noQuota")}>{t("overview.noQuotaHint")}</Empty>}
      <ul className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
        {items?.map((quota) => (
          <li key={`${quota.provider} ${quota.account} ${quota.type}`} className="grid gap-1 text-sm">
            <div className="flex justify-between gap-2">
              <span className="min-w-0 truncate">
                {quota.provider}/{quota.account} <span className="text-soft">{quota.type.replaceAll("_", " ")}</span>
              </span>
              <span className="tabular-nums">{quota.utilization === null ? "–" : percent(quota.utilization)}</span>
            </div>
            <Bar share={quota.utilization ?? 0} label={`${quota.provider}/${quota.account} ${quota.type}`} />
            <span className="text-xs text-soft">
              {quota.resets === null ? t("overview.resetUnknown") : t("overview.resets")}{" "}
              {quota.resets && <When at={quota.resets} />}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
