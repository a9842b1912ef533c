import type { ProviderTest, ProviderView, StatisticsRowView, StatisticsView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { milliseconds, percent } from "../../shared/format.ts";
import { useChange, useGet, useList, useMay } from "../app/queries.ts";
import { Button, Switch, TextField } from "../parts/controls.tsx";
import {
  Badge,
  Bar,
  Card,
  Code,
  Empty,
  Facts,
  Note,
  Page,
  Problem,
  TextLink,
  Waiting,
  When,
  type Tone,
} from "../parts/display.tsx";
import { Dialog, FormDialog } from "../parts/dialog.tsx";
import { HealthStrip } from "../parts/health-strip.tsx";
import { SignInDialog } from "../parts/provider-sign-in.tsx";
import { say } from "../parts/toasts.tsx";

const tones: Readonly<Record<ProviderView["status"], Tone>> = {
  ok: "good",
  resting: "warn",
  "signed-out": "warn",
  off: "bad",
  unavailable: "bad",
};

export function ProvidersPage() {
  const { t } = useTranslation();
  const list = useList<ProviderView>("/providers", { limit: 100 }, { everyMs: 5000 });
  const history = useGet<StatisticsView>("/statistics", { bucket: "hour", by: "provider" }, { everyMs: 60_000 });
  const isOnlyEcho = list.items?.every(({ kind }) => kind === "embedded");
  return (
    <Page title={t("nav.providers")} lead={t("providers.lead")}>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {!list.items && !list.error && <Waiting lines={8} />}
      {isOnlyEcho && (
        <Empty title={t("providers.none")}>
          <p className="mb-2">{t("providers.noneHint")}</p>
          <Code>{"npx trunkline accounts add claude\nexport OPENAI_API_KEY=sk-…  # then: npx trunkline restart"}</Code>
          <p className="mt-2">
            <TextLink to="/settings">{t("nav.settings")}</TextLink>
          </p>
        </Empty>
      )}
      <ul className="grid gap-4 lg:grid-cols-2">
        {list.items?.map((provider) => (
          <li key={provider.name} className="grid">
            <Provider
              provider={provider}
              history={history.data?.rows.filter(({ name }) => name === provider.name) ?? []}
            />
          </li>
        ))}
      </ul>
      <More list={list} />
    </Page>
  );
}

function More({ list }: { readonly list: { hasNextPage: boolean; fetchNextPage(): unknown } }) {
  const { t } = useTranslation();
  return list.hasNextPage ? <Button onClick={() => list.fetchNextPage()}>{t("more")}</Button> : null;
}

function Provider({
  provider,
  history,
}: {
  readonly provider: ProviderView;
  readonly history: readonly StatisticsRowView[];
}) {
  const { t } = useTranslation();
  const may = useMay();
  const test = useChange<ProviderTest>("/providers", "/quota");
  const reset = useChange("/providers", "/targets");
  const [open, setOpen] = useState<"account" | "kill" | "sign-in">();
  const path = `/providers/${encodeURIComponent(provider.name)}`;
  const isUsable = provider.status !== "unavailable";
  return (
    <Card
      className="grid content-start gap-3"
      title={
        <span className="inline-flex flex-wrap items-center gap-2">
          {provider.name}
          <Badge tone={tones[provider.status]}>{t(`providers.states.${provider.status}`)}</Badge>
        </span>
      }
      actions={
        <span className="flex flex-wrap gap-1.5">
          {isUsable && may("providers:operate") && (
            <Button busy={test.isPending} onClick={() => test.mutate({ method: "POST", path: `${path}/test` })}>
              {t("providers.test")}
            </Button>
          )}
          {(provider.sign_in === "oauth" || provider.sign_in === "credential") && may("providers:sign-in") && (
            <Button onClick={() => setOpen("sign-in")}>{t("providers.signIn")}</Button>
          )}
          {provider.sign_in === "program" && may("providers:sign-in") && (
            <Button icon="plus" onClick={() => setOpen("account")}>
              {t("providers.addAccount")}
            </Button>
          )}
          {may("kill-switches:write") && (
            <Button look="danger" icon="power" onClick={() => setOpen("kill")}>
              {provider.killed === null ? t("providers.switchOff") : t("providers.switchOn")}
            </Button>
          )}
        </span>
      }
    >
      {provider.problem !== null && <Note tone="warn">{provider.problem}</Note>}
      {test.data && (
        <Note tone={test.data.ok ? "good" : "bad"}>
          {test.data.ok
            ? t("providers.tested", { count: test.data.models ?? 0, time: milliseconds(test.data.duration_ms) })
            : test.data.problem}
        </Note>
      )}
      {test.error !== null && <Problem error={test.error} />}
      <Facts
        rows={[
          [t("providers.kind"), [provider.kind, provider.family, provider.program].filter(Boolean).join(" · ") || "–"],
          ...(provider.queue ? [[t("providers.queue"), t("providers.queued", provider.queue)] as const] : []),
          ...(provider.last_probe
            ? [[t("providers.probe"), <When key="probe" at={provider.last_probe.at} />] as const]
            : []),
        ]}
      />
      {isUsable && <HealthStrip rows={history} />}
      {provider.accounts.length > 0 && (
        <ul className="grid gap-2" aria-label={t("providers.accounts")}>
          {provider.accounts.map((account) => (
            <li key={account.name} className="grid gap-1.5 rounded-lg bg-sunken p-2.5 text-sm">
              <div className="flex flex-wrap items-center gap-2">
                <span className="font-medium">{account.name}</span>
                <Badge tone={account.state === "ready" ? "good" : "warn"}>
                  {t(`providers.accountStates.${account.state}`)}
                </Badge>
                {account.until && <When at={account.until} />}
              </div>
              {account.reason && <p className="text-soft">{account.reason}</p>}
              {account.quota.map((quota) => (
                <div key={quota.type} className="grid gap-1">
                  <div className="flex justify-between gap-2 text-xs">
                    <span>{quota.type.replaceAll("_", " ")}</span>
                    <span>
                      {quota.utilization === null ? "–" : percent(quota.utilization)}{" "}
                      {quota.resets && <When at={quota.resets} />}
                    </span>
                  </div>
                  <Bar share={quota.utilization ?? 0} label={`${account.name} ${quota.type}`} />
                </div>
              ))}
            </li>
          ))}
        </ul>
      )}
      {provider.resting.length > 0 && (
        <ul className="grid gap-1.5 text-sm" aria-label={t("providers.resting")}>
          {provider.resting.map((rest) => (
            <li key={rest.model ?? ""} className="flex flex-wrap items-center justify-between gap-2">
              <span className="min-w-0">
                {rest.model ?? t("providers.wholeProvider")}: {rest.reason} <When at={rest.until} />
              </span>
              {may("providers:operate") && (
                <Button
                  onClick={() =>
                    reset.mutate({
                      method: "DELETE",
                      path: `/targets/${[provider.name, ...(rest.model === null ? [] : [rest.model])].map(encodeURIComponent).join("/")}`,
                    })
                  }
                >
                  {t("providers.askAgain")}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      {open === "account" && <AddAccount path={path} name={provider.name} onClose={() => setOpen(undefined)} />}
      {open === "kill" && <Kill provider={provider} onClose={() => setOpen(undefined)} />}
      {open === "sign-in" && <SignInDialog provider={provider} onClose={() => setOpen(undefined)} />}
    </Card>
  );
}

function Kill({ provider, onClose }: { readonly provider: ProviderView; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChange("/providers", "/kill-switches", "/health", "/audit");
  const { name } = provider;
  const isOff = provider.killed !== null;
  return (
    <FormDialog
      danger
      title={t(isOff ? "providers.switchOnTitle" : "providers.switchOffTitle", { name })}
      action={t(isOff ? "providers.switchOn" : "providers.switchOff")}
      onClose={onClose}
      onSubmit={async (data) => {
        await change.mutateAsync(
          isOff
            ? { method: "DELETE", path: `/kill-switches/provider/${encodeURIComponent(name)}` }
            : {
                method: "POST",
                path: "/kill-switches",
                body: { scope: "provider", name, reason: String(data.get("reason")) },
              },
        );
        say(t(isOff ? "providers.isOn" : "providers.isOff", { name }));
        onClose();
      }}
    >
      {isOff ? (
        <p className="text-sm">{provider.killed}</p>
      ) : (
        <TextField label={t("providers.reason")} name="reason" maxLength={500} hint={t("providers.reasonHint")} />
      )}
    </FormDialog>
  );
}

function AddAccount({
  path,
  name,
  onClose,
}: {
  readonly path: string;
  readonly name: string;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const change = useChange<{ name: string; sign_in_command: string }>("/providers", "/audit");
  const [isPlanOnly, setPlanOnly] = useState(true);
  if (change.data)
    return (
      <Dialog title={t("providers.accountAdded", { name: change.data.name })} onClose={onClose}>
        <p className="text-sm">{t("providers.accountHint")}</p>
        <Code>{change.data.sign_in_command}</Code>
        <div className="flex justify-end">
          <Button look="primary" onClick={onClose}>
            {t("done")}
          </Button>
        </div>
      </Dialog>
    );
  return (
    <FormDialog
      title={t("providers.addAccountTo", { name })}
      action={t("providers.addAccount")}
      onClose={onClose}
      onSubmit={async (data) => {
        await change.mutateAsync({
          method: "POST",
          path: `${path}/accounts`,
          body: { name: String(data.get("name")), plan_limits_only: isPlanOnly },
        });
      }}
    >
      <TextField label={t("name")} name="name" required pattern="[A-Za-z0-9][A-Za-z0-9._\-]*" maxLength={64} />
      <Switch label={t("providers.planOnly")} checked={isPlanOnly} onChange={setPlanOnly} />
    </FormDialog>
  );
}
