import type { AlertChannelView, AlertRuleView, AlertView, ChannelTest } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { freshTag, useChange, useList, useMay } from "../app/queries.ts";
import { AddChannel } from "../parts/add-channel.tsx";
import { Button, Switch, TextField } from "../parts/controls.tsx";
import { Badge, Card, Empty, Note, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { SecretDialog } from "../parts/secret-dialog.tsx";
import { More } from "../parts/table.tsx";

export function AlertsPage() {
  const { t } = useTranslation();
  const may = useMay();
  const mayWrite = may("alerts:write");
  const alerts = useList<AlertView>("/alerts", { limit: 25 }, { everyMs: 5000 });
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string>();
  return (
    <Page
      title={t("nav.alerts")}
      lead={t("alerts.lead")}
      actions={
        mayWrite && (
          <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
            {t("alerts.addChannel")}
          </Button>
        )
      }
    >
      <Channels mayWrite={mayWrite} />
      <Rules mayWrite={mayWrite} />
      <Card title={t("alerts.recent")}>
        {alerts.error !== null && <Problem error={alerts.error} onRetry={() => void alerts.refetch()} />}
        {!alerts.items && !alerts.error && <Waiting />}
        {alerts.items?.length === 0 && <Empty title={t("alerts.none")}>{t("alerts.noneHint")}</Empty>}
        <ul className="grid divide-y divide-line">
          {alerts.items?.map((alert) => (
            <li key={alert.id} className="grid gap-1 py-2 text-sm">
              <span className="flex flex-wrap items-center gap-2">
                <Badge tone="warn">{t(`alerts.kinds.${alert.kind}.name`)}</Badge>
                <span className="font-medium">{alert.title}</span>
                <span className="text-soft">
                  <When at={alert.time} />
                </span>
              </span>
              <span className="whitespace-pre-wrap wrap-anywhere text-soft">{alert.text}</span>
              <span className="flex flex-wrap gap-1">
                {alert.deliveries.length === 0 && <Badge>{t("alerts.toNobody")}</Badge>}
                {alert.deliveries.map(({ channel, problem }) => (
                  <Badge key={channel} tone={problem === null ? "good" : "bad"}>
                    {channel} {problem ?? ""}
                  </Badge>
                ))}
              </span>
            </li>
          ))}
        </ul>
        <More
          hasMore={alerts.hasNextPage}
          busy={alerts.isFetchingNextPage}
          onMore={() => void alerts.fetchNextPage()}
        />
      </Card>
      {isAdding && (
        <AddChannel
          onClose={() => setAdding(false)}
          onMade={(made) => {
            setAdding(false);
            if (made !== null) setSecret(made);
          }}
        />
      )}
      {secret !== undefined && (
        <SecretDialog title={t("alerts.signingSecret")} secret={secret} onClose={() => setSecret(undefined)} />
      )}
    </Page>
  );
}

function Channels({ mayWrite }: { readonly mayWrite: boolean }) {
  const { t } = useTranslation();
  const list = useList<AlertChannelView>("/alert-channels", { limit: 200 });
  const change = useChange("/alert-channels", "/audit");
  const test = useChange<ChannelTest>();
  const [tested, setTested] = useState<string>();
  const pathOf = ({ id }: AlertChannelView) => `/alert-channels/${encodeURIComponent(id)}`;
  return (
    <Card title={t("alerts.channels")}>
      {list.error !== null && <Problem error={list.error} />}
      {change.error !== null && <Problem error={change.error} />}
      {list.items?.length === 0 && <p className="text-sm text-soft">{t("alerts.noChannels")}</p>}
      <ul className="grid gap-3">
        {list.items?.map((channel) => (
          <li key={channel.id} className="grid gap-2 text-sm">
            <div className="flex flex-wrap items-center justify-between gap-2">
              <span className="min-w-0 wrap-anywhere">
                <span className="font-medium">{channel.name}</span>{" "}
                <Badge>{t(`alerts.channelKinds.${channel.kind}`)}</Badge>{" "}
                <span className="text-soft">{channel.settings["url"] ?? channel.settings["to"]}</span>
              </span>
              {mayWrite && (
                <span className="inline-flex flex-wrap items-center gap-2">
                  <Switch
                    label={t("alerts.on", { name: channel.name })}
                    hideLabel
                    checked={channel.enabled}
                    onChange={(enabled) =>
                      void freshTag(pathOf(channel)).then((tag) =>
                        change.mutate({ method: "PATCH", path: pathOf(channel), body: { enabled }, tag }),
                      )
                    }
                  />
                  <Button
                    busy={test.isPending && tested === channel.id}
                    onClick={() => {
                      setTested(channel.id);
                      test.mutate({ method: "POST", path: `${pathOf(channel)}/test` });
                    }}
                  >
                    {t("alerts.test")}
                  </Button>
                  <Button
                    look="danger"
                    onClick={() =>
                      void freshTag(pathOf(channel)).then((tag) =>
                        change.mutate({ method: "DELETE", path: pathOf(channel), tag }),
                      )
                    }
                  >
                    {t("remove")}
                  </Button>
                </span>
              )}
            </div>
            {tested === channel.id && test.data && (
              <Note tone={test.data.ok ? "good" : "bad"}>{test.data.ok ? t("alerts.tested") : test.data.problem}</Note>
            )}
            {tested === channel.id && test.error !== null && <Problem error={test.error} />}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Rules({ mayWrite }: { readonly mayWrite: boolean }) {
  const { t } = useTranslation();
  const list = useList<AlertRuleView>("/alert-rules", { limit: 200 });
  const [open, setOpen] = useState<AlertRuleView>();
  const change = useChange("/alert-rules", "/audit");
  const pathOf = ({ id }: AlertRuleView) => `/alert-rules/${encodeURIComponent(id)}`;
  return (
    <Card title={t("alerts.rules")}>
      {list.error !== null && <Problem error={list.error} />}
      {!list.items && <Waiting />}
      <ul className="grid gap-2">
        {list.items?.map((rule) => (
          <li key={rule.id} className="flex flex-wrap items-center justify-between gap-2 text-sm">
            <span className="min-w-0">
              <span className="font-medium">{t(`alerts.kinds.${rule.kind}.name`)}</span>{" "}
              <span className="text-soft">
                {t(`alerts.kinds.${rule.kind}.text`, { value: rule.threshold ?? rule.usual })}
              </span>
            </span>
            <span className="inline-flex items-center gap-2">
              <Switch
                label={t("alerts.on", { name: t(`alerts.kinds.${rule.kind}.name`) })}
                hideLabel
                disabled={!mayWrite}
                checked={rule.enabled}
                onChange={(enabled) =>
                  void freshTag(pathOf(rule)).then((tag) =>
                    change.mutate({ method: "PATCH", path: pathOf(rule), body: { enabled }, tag }),
                  )
                }
              />
              {mayWrite && <Button onClick={() => setOpen(rule)}>{t("edit")}</Button>}
            </span>
          </li>
        ))}
      </ul>
      {open && <EditRule rule={open} path={pathOf(open)} onClose={() => setOpen(undefined)} />}
    </Card>
  );
}

function EditRule({
  rule,
  path,
  onClose,
}: {
  readonly rule: AlertRuleView;
  readonly path: string;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const change = useChange("/alert-rules", "/audit");
  const channels = useList<AlertChannelView>("/alert-channels", { limit: 200 });
  const [tag] = useState(() => freshTag(path));
  return (
    <FormDialog
      title={t(`alerts.kinds.${rule.kind}.name`)}
      action={t("save")}
      onClose={onClose}
      onSubmit={async (data) => {
        const threshold = String(data.get("threshold") ?? "");
        await change.mutateAsync({
          method: "PATCH",
          path,
          tag: await tag,
          body: {
            threshold: threshold === "" ? null : Number(threshold),
            quiet_minutes: Number(data.get("quiet")),
            channels: data.getAll("channel").map(String),
          },
        });
        onClose();
      }}
    >
      <p className="text-sm text-soft">
        {t(`alerts.kinds.${rule.kind}.text`, { value: rule.threshold ?? rule.usual })}
      </p>
      <TextField
        label={t("alerts.threshold")}
        name="threshold"
        type="number"
        min={0}
        step="any"
        defaultValue={rule.threshold ?? ""}
        placeholder={String(rule.usual ?? "")}
      />
      <TextField
        label={t("alerts.quiet")}
        name="quiet"
        type="number"
        min={0}
        max={100_000}
        required
        defaultValue={rule.quiet_minutes}
      />
      <fieldset className="grid gap-1 text-sm">
        <legend className="mb-1 font-medium">{t("alerts.toWhom")}</legend>
        {channels.items?.map(({ id, name }) => (
          <label key={id} className="inline-flex min-h-8 items-center gap-2">
            <input type="checkbox" name="channel" value={id} defaultChecked={rule.channels.includes(id)} />
            {name}
          </label>
        ))}
        <p className="text-xs text-soft">{t("alerts.allHint")}</p>
      </fieldset>
    </FormDialog>
  );
}
