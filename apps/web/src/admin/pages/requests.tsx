import type { ExchangeView, KeyView, ProviderView } from "@trunkline/admin/api";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { apiUrl } from "../../shared/api.ts";
import { compact, milliseconds, usd } from "../../shared/format.ts";
import { useAll, useList } from "../app/queries.ts";
import { useFilters, type Search } from "../app/use-search.ts";
import { Button, SelectField, TextField } from "../parts/controls.tsx";
import { Badge, Empty, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { FirstSteps } from "../parts/first-steps.tsx";
import { More, Table, type Column } from "../parts/table.tsx";
import { useLive } from "../parts/use-live.ts";

const filterNames = [
  "id",
  "key",
  "user",
  "provider",
  "model",
  "session",
  "status",
  "outcome",
  "error_code",
  "since",
  "until",
  "min_cost_usd",
  "min_duration_ms",
] as const;

export function outcomeTone(outcome: ExchangeView["outcome"]) {
  return outcome === "ok" ? "good" : outcome === "error" ? "bad" : "warn";
}

function useColumns(): readonly Column<ExchangeView>[] {
  const { t } = useTranslation();
  return [
    {
      name: "time",
      title: t("time"),
      isHeading: true,
      cell: ({ id, time }) => (
        <Link to="/requests/$id" params={{ id }} className="text-accent underline underline-offset-2">
          <When at={time} exact />
        </Link>
      ),
    },
    {
      name: "status",
      title: t("requests.status"),
      cell: ({ status, outcome, error_code: code }) => (
        <Badge tone={outcomeTone(outcome)}>
          {status} {code ?? ""}
        </Badge>
      ),
    },
    {
      name: "model",
      title: t("requests.model"),
      cell: ({ requested_model: asked, provider, model }) => (
        <span className="grid">
          <span>{asked}</span>
          {provider !== "" && `${provider}/${model}` !== asked && (
            <span className="text-xs text-soft">
              {provider}/{model}
            </span>
          )}
        </span>
      ),
    },
    { name: "key", title: t("requests.key"), cell: ({ key_name: name, key_id: id }) => name || id || "–" },
    {
      name: "tokens",
      title: t("requests.tokens"),
      align: "right",
      cell: ({ input_tokens: input, output_tokens: output }) =>
        input === null ? "–" : `${compact(input)} → ${compact(output ?? 0)}`,
    },
    { name: "cost", title: t("requests.cost"), align: "right", cell: ({ cost_usd: cost }) => usd(cost) },
    {
      name: "duration",
      title: t("requests.duration"),
      align: "right",
      cell: ({ duration_ms: ms, cache }) => (
        <span className="inline-flex items-center gap-1.5">
          {cache === "hit" && <Badge tone="info">{t("requests.cached")}</Badge>}
          {milliseconds(ms)}
        </span>
      ),
    },
  ];
}

export function RequestsPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useFilters();
  const isLive = search["live"] === "yes";
  const filters = Object.fromEntries(filterNames.flatMap((name) => (search[name] ? [[name, search[name]]] : [])));
  const hasFilters = Object.keys(filters).length > 0;
  const list = useList<ExchangeView>("/exchanges", filters, { enabled: !isLive });
  const live = useLive(filters, isLive);
  const columns = useColumns();
  const rows = isLive ? live.rows : list.items;
  const { limit: _limit, ...exported } = { limit: undefined, ...filters };

  return (
    <Page
      title={t("nav.requests")}
      lead={t("requests.lead")}
      actions={
        <>
          <Button
            icon={isLive ? "pause" : "playground"}
            aria-pressed={isLive}
            onClick={() => setSearch({ live: isLive ? undefined : "yes" })}
          >
            {isLive ? t("requests.stopLive") : t("requests.live")}
          </Button>
          <a
            href={apiUrl("/exchanges/export", { ...exported, format: "csv" })}
            className="inline-flex min-h-9 items-center rounded-lg border border-line-strong bg-raised px-3 text-sm font-medium hover:bg-sunken"
          >
            CSV
          </a>
          <a
            href={apiUrl("/exchanges/export", { ...exported, format: "ndjson" })}
            className="inline-flex min-h-9 items-center rounded-lg border border-line-strong bg-raised px-3 text-sm font-medium hover:bg-sunken"
          >
            NDJSON
          </a>
        </>
      }
    >
      <Filters key={JSON.stringify(filters)} search={filters} onChange={setSearch} />
      {isLive && (
        <p role="status" className="flex items-center gap-2 text-sm text-soft">
          <Badge tone={live.state === "open" ? "good" : "warn"}>{t(`requests.stream.${live.state}`)}</Badge>
          {t("requests.liveHint")}
        </p>
      )}
      {list.error !== null && !isLive && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {!rows && !list.error && <Waiting lines={8} />}
      {rows && rows.length > 0 && (
        <Table label={t("nav.requests")} columns={columns} rows={rows} keyOf={({ id }) => id} />
      )}
      {rows?.length === 0 &&
        (isLive ? (
          <Empty title={t("requests.waitingForFirst")} />
        ) : hasFilters ? (
          <Empty
            title={t("requests.noneFound")}
            action={
              <Button onClick={() => setSearch(Object.fromEntries(filterNames.map((name) => [name, undefined])))}>
                {t("requests.clear")}
              </Button>
            }
          />
        ) : (
          <FirstSteps />
        ))}
      {!isLive && (
        <More hasMore={list.hasNextPage} busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
      )}
    </Page>
  );
}

/** `2026-11-21T10:00` of a form is the person's own time. */
function toLocal(iso: string | undefined): string {
  if (!iso) return "";
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? ""
    : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Filters({
  search,
  onChange,
}: {
  readonly search: Search;
  readonly onChange: (change: Readonly<Record<string, string | undefined>>) => void;
}) {
  const { t } = useTranslation();
  const keys = useAll<KeyView>("/keys");
  const providers = useAll<ProviderView>("/providers");
  const rare = ["user", "session", "error_code", "since", "until", "min_cost_usd", "min_duration_ms"] as const;
  const [isWide, setWide] = useState(rare.some((name) => search[name] !== undefined));
  const any = [["", t("any")]] as const;

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const change: Record<string, string | undefined> = {};
    for (const name of filterNames) {
      if (!data.has(name)) continue;
      const text = String(data.get(name)).trim();
      const isTime = name === "since" || name === "until";
      change[name] = text === "" ? undefined : isTime ? new Date(text).toISOString() : text;
    }
    onChange(change);
  }

  const text = (name: (typeof filterNames)[number], type: string = "text") => (
    <TextField
      label={t(`requests.filter.${name}`)}
      name={name}
      type={type}
      defaultValue={type === "datetime-local" ? toLocal(search[name]) : (search[name] ?? "")}
      {...(type === "number" ? { min: 0, step: "any" } : {})}
    />
  );

  return (
    <form onSubmit={submit} role="search" className="grid gap-3 rounded-xl border border-line bg-raised p-3">
      <div className="grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-6">
        {text("model")}
        <SelectField
          label={t("requests.filter.key")}
          name="key"
          defaultValue={search["key"] ?? ""}
          key={`key ${keys.length}`}
          options={[
            ...any,
            ...withCurrent(
              keys.map(({ name }) => name),
              search["key"],
            ).map((name) => [name, name] as const),
          ]}
        />
        <SelectField
          label={t("requests.filter.provider")}
          name="provider"
          key={`provider ${providers.length}`}
          defaultValue={search["provider"] ?? ""}
          options={[
            ...any,
            ...withCurrent(
              providers.map(({ name }) => name),
              search["provider"],
            ).map((name) => [name, name] as const),
          ]}
        />
        <SelectField
          label={t("requests.filter.outcome")}
          name="outcome"
          defaultValue={search["outcome"] ?? ""}
          options={[
            ...any,
            ...(["ok", "error", "cancelled"] as const).map((name) => [name, t(`outcomes.${name}`)] as const),
          ]}
        />
        {text("status", "number")}
        {text("id")}
      </div>
      {isWide && (
        <div className="grid grid-cols-2 gap-3 md:grid-cols-4">
          {text("since", "datetime-local")}
          {text("until", "datetime-local")}
          {text("user")}
          {text("session")}
          {text("error_code")}
          {text("min_cost_usd", "number")}
          {text("min_duration_ms", "number")}
        </div>
      )}
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="quiet" aria-expanded={isWide} onClick={() => setWide(!isWide)}>
          {isWide ? t("requests.fewer") : t("requests.more")}
        </Button>
        <Button type="submit" look="primary">
          {t("requests.apply")}
        </Button>
      </div>
    </form>
  );
}

/** What an address names is chosen even when it is not among those there are. */
function withCurrent(names: readonly string[], current: string | undefined): readonly string[] {
  return current && !names.includes(current) ? [...names, current] : names;
}
