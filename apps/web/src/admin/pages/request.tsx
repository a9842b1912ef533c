import type { AttemptView, ExchangeDetail, ExchangeView } from "@trunkline/admin/api";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { count, milliseconds, usd } from "../../shared/format.ts";
import { useGet } from "../app/queries.ts";
import { Badge, Card, Code, Facts, Note, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { outcomeTone } from "./requests.tsx";

export function RequestPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const { data, error, refetch } = useGet<ExchangeDetail>(`/exchanges/${encodeURIComponent(id)}`);
  return (
    <Page
      title={t("request.title")}
      lead={<span className="font-mono text-xs">{id}</span>}
      actions={
        <Link to="/requests" className="text-sm text-accent underline underline-offset-2">
          {t("request.back")}
        </Link>
      }
    >
      {error !== null && <Problem error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Waiting lines={8} />}
      {data && (
        <>
          <div className="grid items-start gap-4 lg:grid-cols-2">
            <About exchange={data.exchange} />
            <Money exchange={data.exchange} />
          </div>
          <Trace exchange={data.exchange} attempts={data.attempts} />
          <Content detail={data} />
        </>
      )}
    </Page>
  );
}

function About({ exchange: one }: { readonly exchange: ExchangeView }) {
  const { t } = useTranslation();
  const find = (name: string, value: string) => (
    <Link to="/requests" search={{ [name]: value } as never} className="text-accent underline underline-offset-2">
      {value}
    </Link>
  );
  return (
    <Card title={t("request.about")}>
      <Facts
        rows={[
          [
            t("requests.status"),
            <Badge key="status" tone={outcomeTone(one.outcome)}>
              {one.status} {one.error_code ?? t(`outcomes.${one.outcome}`)}
            </Badge>,
          ],
          [t("time"), <When key="time" at={one.time} exact />],
          [t("request.asked"), find("model", one.requested_model)],
          [t("request.answered"), one.provider === "" ? "–" : `${one.provider}/${one.model}`],
          [t("request.route"), one.route || t("request.noRoute")],
          [t("requests.key"), one.key_name ? find("key", one.key_name) : one.key_id || "–"],
          ...(one.user === null ? [] : [[t("requests.filter.user"), find("user", one.user)] as const]),
          [
            t("request.dialect"),
            `${one.dialect}${one.upstream_dialect === one.dialect ? "" : ` → ${one.upstream_dialect}`}`,
          ],
          [t("request.operation"), `${one.operation}${one.stream ? ` · ${t("request.stream")}` : ""}`],
          ...(one.session_id === null
            ? []
            : [[t("requests.filter.session"), find("session", one.session_id)] as const]),
          [t("request.client"), one.client || "–"],
          ...(one.finish_reason === null ? [] : [[t("request.finish"), one.finish_reason] as const]),
          ...(one.degraded.length === 0 ? [] : [[t("request.degraded"), one.degraded.join(", ")] as const]),
        ]}
      />
    </Card>
  );
}

function Money({ exchange: one }: { readonly exchange: ExchangeView }) {
  const { t } = useTranslation();
  const tokens = (value: number | null) => (value === null ? "–" : count(value));
  return (
    <Card title={t("request.usage")}>
      <Facts
        rows={[
          [t("request.input"), tokens(one.input_tokens)],
          [t("request.cacheRead"), tokens(one.cache_read_tokens)],
          [t("request.cacheWrite"), tokens(one.cache_write_tokens)],
          [t("request.output"), tokens(one.output_tokens)],
          [t("request.reasoning"), tokens(one.reasoning_tokens)],
          [
            t("requests.cost"),
            one.cost_usd === null && one.input_tokens !== null ? t("request.noPrice") : usd(one.cost_usd),
          ],
          ...(one.saved_usd === null ? [] : [[t("overview.saved"), usd(one.saved_usd)] as const]),
          ...(one.service_tier === null ? [] : [[t("request.tier"), one.service_tier] as const]),
          ...(one.cache === null ? [] : [[t("request.cache"), t(`request.caches.${one.cache as "hit"}`)] as const]),
          [t("requests.duration"), milliseconds(one.duration_ms)],
          [t("request.first"), milliseconds(one.first_content_ms)],
        ]}
      />
      {one.usage_estimated && (
        <div className="mt-3">
          <Note>{t("request.estimated")}</Note>
        </div>
      )}
    </Card>
  );
}

/** What was tried and passed over, in its order, over the time it took. */
function Trace({ exchange, attempts }: { readonly exchange: ExchangeView; readonly attempts: readonly AttemptView[] }) {
  const { t } = useTranslation();
  const begin = Date.parse(exchange.time);
  const whole = Math.max(1, exchange.duration_ms);
  const place = (attempt: AttemptView) => {
    const from = Math.min(whole, Math.max(0, Date.parse(attempt.started) - begin));
    return {
      left: `${(from / whole) * 100}%`,
      width: `${Math.max(0.5, (Math.min(attempt.duration_ms, whole - from) / whole) * 100)}%`,
    };
  };
  return (
    <Card title={t("request.trace")}>
      {attempts.length === 0 && <p className="text-sm text-soft">{t("request.noAttempts")}</p>}
      <ol className="grid gap-3">
        {attempts.map((attempt) => (
          <li key={attempt.number} className="grid gap-1.5 text-sm">
            <div className="flex flex-wrap items-center gap-2">
              <span className="font-medium">
                {attempt.provider}/{attempt.model}
              </span>
              {attempt.skipped ? (
                <Badge>{t("request.skipped")}</Badge>
              ) : (
                <Badge tone={attempt.error === null ? "good" : "bad"}>
                  {attempt.status || ""} {attempt.error ?? t("outcomes.ok")}
                </Badge>
              )}
              {!attempt.skipped && <span className="text-soft">{milliseconds(attempt.duration_ms)}</span>}
            </div>
            {!attempt.skipped && (
              <div aria-hidden="true" className="relative h-2.5 overflow-hidden rounded bg-sunken">
                <div
                  className={`absolute inset-y-0 rounded ${attempt.error === null ? "bg-accent" : "bg-bad"}`}
                  style={place(attempt)}
                />
                {exchange.first_content_ms !== null && attempt.error === null && (
                  <div
                    className="absolute inset-y-0 w-0.5 bg-ink"
                    style={{ left: `${Math.min(100, (exchange.first_content_ms / whole) * 100)}%` }}
                  />
                )}
              </div>
            )}
            {attempt.reason !== null && (
              <p className="text-soft wrap-anywhere">
                {attempt.reason} {attempt.until && <When at={attempt.until} />}
              </p>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Content({ detail: { content, content_stored: isStored } }: { readonly detail: ExchangeDetail }) {
  const { t } = useTranslation();
  return (
    <Card title={t("request.content")}>
      {!content && <p className="text-sm text-soft">{t(isStored ? "request.notKept" : "request.notStored")}</p>}
      {content && (
        <div className="grid gap-4 lg:grid-cols-2">
          <div className="grid min-w-0 content-start gap-1">
            <h3 className="text-xs text-soft">{t("request.body")}</h3>
            <Code label={t("request.body")}>{pretty(content.request)}</Code>
          </div>
          <div className="grid min-w-0 content-start gap-1">
            <h3 className="text-xs text-soft">{t("request.answer")}</h3>
            <Code label={t("request.answer")}>{pretty(content.answer)}</Code>
          </div>
          {content.truncated && <Note tone="warn">{t("request.truncated")}</Note>}
        </div>
      )}
    </Card>
  );
}
