import type { BudgetView, KeyView, MadeKey } from "@trunkline/admin/api";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usd } from "../../shared/format.ts";
import { useChange, useList, useMay } from "../app/queries.ts";
import { Button } from "../parts/controls.tsx";
import { Badge, Empty, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { curlOf } from "../parts/first-steps.tsx";
import { KeyFields, keyOf } from "../parts/key-form.tsx";
import { SecretDialog } from "../parts/secret-dialog.tsx";
import { More, Table } from "../parts/table.tsx";

export function keyTone(state: KeyView["state"]) {
  return state === "active" ? "good" : state === "expired" ? "warn" : "bad";
}

export function KeysPage() {
  const { t } = useTranslation();
  const may = useMay();
  const list = useList<KeyView>("/keys");
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<MadeKey>();
  const make = may("keys:write") && (
    <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
      {t("keys.create")}
    </Button>
  );
  return (
    <Page title={t("nav.keys")} lead={t("keys.lead")} actions={make}>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {!list.items && !list.error && <Waiting lines={6} />}
      {list.items?.length === 0 && (
        <Empty title={t("keys.none")} action={make}>
          {t("keys.noneHint")}
        </Empty>
      )}
      {list.items && list.items.length > 0 && (
        <Table
          label={t("nav.keys")}
          rows={list.items}
          keyOf={({ id }) => id}
          columns={[
            {
              name: "name",
              title: t("name"),
              isHeading: true,
              cell: ({ id, name }) => (
                <Link to="/keys/$id" params={{ id }} className="text-accent underline underline-offset-2">
                  {name}
                </Link>
              ),
            },
            { name: "prefix", title: t("keys.key"), cell: ({ prefix }) => <code className="text-xs">{prefix}…</code> },
            {
              name: "state",
              title: t("state"),
              cell: ({ state }) => <Badge tone={keyTone(state)}>{t(`keys.states.${state}`)}</Badge>,
            },
            {
              name: "owner",
              title: t("keys.owner"),
              cell: ({ user, group }) => [user, group].filter(Boolean).join(" · ") || "–",
            },
            { name: "models", title: t("keys.models"), cell: ({ models }) => models.join(" ") || t("keys.allModels") },
            {
              name: "budgets",
              title: t("keys.budgets"),
              cell: ({ budgets }) =>
                budgets.map((one) => `${usd(one.usd)} / ${t(`periods.${one.per}`)}`).join(", ") || "–",
            },
            { name: "expires", title: t("keys.expires"), cell: ({ expires }) => <When at={expires} /> },
          ]}
        />
      )}
      <More hasMore={list.hasNextPage} busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
      {isMaking && (
        <MakeKey
          onClose={() => setMaking(false)}
          onMade={(key) => {
            setMaking(false);
            setMade(key);
          }}
        />
      )}
      {made && (
        <SecretDialog
          title={t("keys.made", { name: made.key.name })}
          secret={made.secret}
          example={curlOf(made.secret)}
          onClose={() => setMade(undefined)}
        />
      )}
    </Page>
  );
}

function MakeKey({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (key: MadeKey) => void }) {
  const { t } = useTranslation();
  const change = useChange<MadeKey>("/keys", "/audit");
  const [budgets, setBudgets] = useState<readonly BudgetView[]>([]);
  return (
    <FormDialog
      wide
      title={t("keys.create")}
      action={t("keys.create")}
      onClose={onClose}
      onSubmit={async (data) =>
        onMade(await change.mutateAsync({ method: "POST", path: "/keys", body: keyOf(data, budgets) }))
      }
    >
      <KeyFields value={{}} budgets={budgets} onBudgets={setBudgets} />
    </FormDialog>
  );
}
