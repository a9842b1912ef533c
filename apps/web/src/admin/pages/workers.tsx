import type { ServiceView, WorkerTokenView, WorkerView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { count } from "../../shared/format.ts";
import { useChange, useList, useMay } from "../app/queries.ts";
import { Button, TextField } from "../parts/controls.tsx";
import { Badge, Card, Empty, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { SecretDialog } from "../parts/secret-dialog.tsx";
import { Table } from "../parts/table.tsx";

type Made = { readonly token: WorkerTokenView; readonly secret: string };

export function WorkersPage() {
  const { t } = useTranslation();
  const may = useMay();
  const workers = useList<WorkerView>("/workers", { limit: 200 }, { everyMs: 5000 });
  const services = useList<ServiceView>("/services", { limit: 200 }, { everyMs: 5000 });
  const tokens = useList<WorkerTokenView>("/worker-tokens", { limit: 200 });
  const change = useChange("/worker", "/services", "/audit");
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<Made>();
  const mayWrite = may("workers:write");
  return (
    <Page
      title={t("nav.workers")}
      lead={t("workers.lead")}
      actions={
        mayWrite && (
          <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
            {t("workers.addToken")}
          </Button>
        )
      }
    >
      {workers.error !== null && <Problem error={workers.error} onRetry={() => void workers.refetch()} />}
      {change.error !== null && <Problem error={change.error} />}
      {!workers.items && !workers.error && <Waiting />}
      {workers.items?.length === 0 && <Empty title={t("workers.none")}>{t("workers.noneHint")}</Empty>}
      {workers.items && workers.items.length > 0 && (
        <Table
          label={t("workers.connected")}
          rows={workers.items}
          keyOf={({ worker, address, since }) => `${worker} ${address} ${since}`}
          columns={[
            { name: "worker", title: t("name"), isHeading: true, cell: ({ worker }) => worker },
            {
              name: "state",
              title: t("state"),
              cell: ({ connected }) => (
                <Badge tone={connected ? "good" : "warn"}>
                  {t(connected ? "workers.isConnected" : "workers.lost")}
                </Badge>
              ),
            },
            { name: "address", title: t("workers.address"), cell: ({ address, agent }) => `${address} · ${agent}` },
            {
              name: "active",
              title: t("workers.active"),
              align: "right",
              cell: ({ active, capacity }) => `${active}/${capacity}`,
            },
            { name: "served", title: t("workers.served"), align: "right", cell: ({ served }) => count(served) },
            { name: "since", title: t("workers.since"), cell: ({ since }) => <When at={since} /> },
          ]}
        />
      )}
      <Card title={t("workers.services")}>
        {services.items?.length === 0 && <p className="text-sm text-soft">{t("workers.noServices")}</p>}
        <ul className="grid gap-2">
          {services.items?.map((service) => (
            <li key={service.name} className="flex flex-wrap items-center justify-between gap-2 text-sm">
              <span className="inline-flex flex-wrap items-center gap-2">
                <span className="font-medium">{service.name}</span>
                <Badge tone={service.state === "up" ? "good" : "warn"}>{service.state}</Badge>
                <span className="text-soft">{String(service["problem"] ?? "")}</span>
              </span>
              {mayWrite && (
                <Button
                  onClick={() =>
                    change.mutate({ method: "POST", path: `/services/${encodeURIComponent(service.name)}/restart` })
                  }
                >
                  {t("workers.restart")}
                </Button>
              )}
            </li>
          ))}
        </ul>
      </Card>
      <Card title={t("workers.tokens")}>
        {tokens.items?.length === 0 && <p className="text-sm text-soft">{t("workers.noTokens")}</p>}
        <ul className="grid gap-2">
          {tokens.items?.map((token) => (
            <li key={token.id} className="flex flex-wrap items-center justify-between gap-2 text-sm">
              <span className="inline-flex flex-wrap items-center gap-2">
                <span className="font-medium">{token.worker}</span>
                <code className="text-xs">{token.prefix}…</code>
                {token.revoked && <Badge tone="bad">{t("keys.states.revoked")}</Badge>}
                <span className="text-soft">
                  <When at={token.created} />
                </span>
              </span>
              {mayWrite && token.revoked === null && (
                <Button
                  look="danger"
                  onClick={() =>
                    change.mutate({ method: "DELETE", path: `/worker-tokens/${encodeURIComponent(token.id)}` })
                  }
                >
                  {t("keys.revoke")}
                </Button>
              )}
            </li>
          ))}
        </ul>
      </Card>
      {isMaking && <MakeToken onClose={() => setMaking(false)} onMade={setMade} />}
      {made && (
        <SecretDialog
          title={t("workers.tokenMade", { name: made.token.worker })}
          secret={made.secret}
          example={`TRUNKLINE_WORKER_TOKEN=${made.secret} npx trunkline worker fetch --gateway ${location.origin}`}
          onClose={() => setMade(undefined)}
        />
      )}
    </Page>
  );
}

function MakeToken({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (made: Made) => void }) {
  const { t } = useTranslation();
  const change = useChange<Made>("/worker-tokens", "/audit");
  return (
    <FormDialog
      title={t("workers.addToken")}
      action={t("workers.addToken")}
      onClose={onClose}
      onSubmit={async (data) => {
        onMade(
          await change.mutateAsync({
            method: "POST",
            path: "/worker-tokens",
            body: { worker: String(data.get("worker")).trim() },
          }),
        );
        onClose();
      }}
    >
      <TextField
        label={t("name")}
        name="worker"
        required
        maxLength={64}
        pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
        hint={t("workers.nameHint")}
      />
    </FormDialog>
  );
}
