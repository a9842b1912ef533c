import type { StatisticsRowView } from "@trunkline/admin/api";
import { useTranslation } from "react-i18next";
import { count, milliseconds, shortTime } from "../../shared/format.ts";

const hourMs = 3_600_000;
const hours = 24;

function lookOf(row: StatisticsRowView | undefined): string {
  if (!row || row.requests === 0) return "bg-sunken";
  const share = row.errors / row.requests;
  return share > 0.2 ? "bg-bad" : share > 0.02 ? "bg-warn" : "bg-good";
}

/** How a provider was over a day, hour by hour: by the share of its requests that failed. */
export function HealthStrip({ rows }: { readonly rows: readonly StatisticsRowView[] }) {
  const { t } = useTranslation();
  const byHour = new Map(rows.map((row) => [Date.parse(row.time), row]));
  const last = Math.floor(Date.now() / hourMs) * hourMs;
  const cells = Array.from({ length: hours }, (_, index) => last - (hours - 1 - index) * hourMs);
  const requests = rows.reduce((sum, row) => sum + row.requests, 0);
  const errors = rows.reduce((sum, row) => sum + row.errors, 0);
  const newest = rows.at(-1);
  const text = t("providers.historyOf", { requests: count(requests), errors: count(errors) });
  return (
    <div className="grid gap-1">
      <div className="flex flex-wrap justify-between gap-2 text-xs text-soft">
        <span>{t("providers.history")}</span>
        <span>
          {text}
          {newest?.p50_ms != null && ` · p50 ${milliseconds(newest.p50_ms)}`}
        </span>
      </div>
      <div role="img" aria-label={`${t("providers.history")}: ${text}`} className="flex h-4 gap-0.5">
        {cells.map((at) => {
          const row = byHour.get(at);
          const title = `${shortTime(new Date(at).toISOString())}: ${t("providers.historyOf", { requests: count(row?.requests ?? 0), errors: count(row?.errors ?? 0) })}`;
          return <span key={at} title={title} className={`flex-1 rounded-sm ${lookOf(row)}`} />;
        })}
      </div>
    </div>
  );
}
