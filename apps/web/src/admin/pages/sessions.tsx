import type { SessionView } from "@trunkline/admin/api";
import { useTranslation } from "react-i18next";
import { count } from "../../shared/format.ts";
import { useChange, useList, useMay } from "../app/queries.ts";
import { Button } from "../parts/controls.tsx";
import { Badge, Empty, Page, Problem, TextLink, Waiting, When } from "../parts/display.tsx";
import { More, Table } from "../parts/table.tsx";

export function SessionsPage() {
  const { t } = useTranslation();
  const may = useMay();
  const list = useList<SessionView>("/sessions", {}, { everyMs: 10_000 });
  const change = useChange("/sessions", "/audit");
  return (
    <Page title={t("nav.sessions")} lead={t("sessions.lead")}>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {change.error !== null && <Problem error={change.error} />}
      {!list.items && !list.error && <Waiting />}
      {list.items?.length === 0 && (
        <Empty title={t("sessions.none")}>
          {t("sessions.noneHint")} <TextLink to="/providers">{t("nav.providers")}</TextLink>
        </Empty>
      )}
      {list.items && list.items.length > 0 && (
        <Table
          label={t("nav.sessions")}
          rows={list.items}
          keyOf={({ id }) => id}
          columns={[
            { name: "id", title: t("id"), isHeading: true, cell: ({ id }) => <code className="text-xs">{id}</code> },
            { name: "key", title: t("requests.key"), cell: ({ key_name: name, key_id: id }) => name || id },
            {
              name: "provider",
              title: t("sessions.account"),
              cell: ({ provider, account }) => `${provider}/${account}`,
            },
            { name: "turns", title: t("sessions.turns"), align: "right", cell: ({ turns }) => count(turns) },
            {
              name: "used",
              title: t("sessions.used"),
              cell: ({ used, running }) =>
                running ? <Badge tone="info">{t("sessions.running")}</Badge> : <When at={used} />,
            },
          ]}
          {...(may("sessions:write")
            ? {
                actions: ({ id, running }: SessionView) => (
                  <Button
                    look="danger"
                    disabled={running}
                    onClick={() => change.mutate({ method: "DELETE", path: `/sessions/${encodeURIComponent(id)}` })}
                  >
                    {t("sessions.forget")}
                  </Button>
                ),
              }
            : {})}
        />
      )}
      <More hasMore={list.hasNextPage} busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
    </Page>
  );
}
