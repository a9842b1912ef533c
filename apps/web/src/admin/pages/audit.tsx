import type { AuditCheckView, AuditView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { count } from "../../shared/format.ts";
import { useChange, useList } from "../app/queries.ts";
import { useFilters } from "../app/use-search.ts";
import { Button, TextField } from "../parts/controls.tsx";
import { Badge, Card, Code, Empty, Note, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { More } from "../parts/table.tsx";

export function AuditPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useFilters();
  const { actor, action, target } = search;
  const list = useList<AuditView>("/audit", { actor, action, target });
  const check = useChange<AuditCheckView>();
  return (
    <Page
      title={t("nav.audit")}
      lead={t("audit.lead")}
      actions={
        <Button busy={check.isPending} onClick={() => check.mutate({ method: "GET", path: "/audit/verify" })}>
          {t("audit.verify")}
        </Button>
      }
    >
      {check.error !== null && <Problem error={check.error} />}
      {check.data && (
        <Note tone={check.data.whole ? "good" : "bad"}>
          {check.data.whole ? t("audit.whole", { count: check.data.entries ?? 0 }) : check.data.problem}
        </Note>
      )}
      <form
        role="search"
        className="grid items-end gap-3 sm:grid-cols-[1fr_1fr_1fr_auto]"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          setSearch(
            Object.fromEntries(["actor", "action", "target"].map((name) => [name, String(data.get(name)).trim()])),
          );
        }}
      >
        <TextField label={t("audit.actor")} name="actor" defaultValue={actor ?? ""} placeholder="user:admin" />
        <TextField label={t("audit.action")} name="action" defaultValue={action ?? ""} placeholder="key.create" />
        <TextField label={t("audit.target")} name="target" defaultValue={target ?? ""} />
        <Button type="submit" look="primary">
          {t("requests.apply")}
        </Button>
      </form>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {!list.items && !list.error && <Waiting lines={8} />}
      {list.items?.length === 0 && <Empty title={t("audit.none")}>{t("audit.noneHint")}</Empty>}
      {list.items && list.items.length > 0 && (
        <Card>
          <ol className="grid divide-y divide-line">
            {list.items.map((entry) => (
              <li key={entry.number} className="py-2">
                <Entry entry={entry} />
              </li>
            ))}
          </ol>
        </Card>
      )}
      <More hasMore={list.hasNextPage} busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
    </Page>
  );
}

function Entry({ entry }: { readonly entry: AuditView }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)} className="text-sm">
      <summary className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="w-14 text-right text-xs text-soft tabular-nums">{count(entry.number)}</span>
        <When at={entry.time} exact />
        <span className="font-medium">{entry.actor}</span>
        <Badge>{entry.action}</Badge>
        <span className="min-w-0 wrap-anywhere">{entry.target}</span>
      </summary>
      {isOpen && (
        <div className="mt-2 grid gap-2 md:grid-cols-2">
          {(["before", "after"] as const).map((side) => (
            <div key={side} className="grid min-w-0 content-start gap-1">
              <span className="text-xs text-soft">{t(`audit.${side}`)}</span>
              {entry[side] === null ? (
                <span>–</span>
              ) : (
                <Code label={t(`audit.${side}`)}>{JSON.stringify(entry[side], null, 2)}</Code>
              )}
            </div>
          ))}
          <p className="col-span-full font-mono text-xs wrap-anywhere text-soft">
            {entry.address} · {entry.request_id} · {entry.hash}
          </p>
        </div>
      )}
    </details>
  );
}
