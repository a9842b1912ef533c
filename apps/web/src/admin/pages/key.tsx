import type { KeyView, LimitView, MadeKey, StatisticsView } from "@trunkline/admin/api";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { compact, count, usd } from "../../shared/format.ts";
import { useChange, useGet, useMay, useTagged } from "../app/queries.ts";
import { Chart } from "../parts/chart.tsx";
import { Button } from "../parts/controls.tsx";
import { Badge, Bar, Card, Facts, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { curlOf } from "../parts/first-steps.tsx";
import { EditKey, RevokeKey, RotateKey } from "../parts/key-dialogs.tsx";
import { bucketMsOf, completed, rangeOf } from "../parts/ranges.ts";
import { SecretDialog } from "../parts/secret-dialog.tsx";
import { say } from "../parts/toasts.tsx";
import { keyTone } from "./keys.tsx";

type Open = "edit" | "rotate" | "revoke" | undefined;

export function KeyPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const path = `/keys/${encodeURIComponent(id)}`;
  const may = useMay();
  const key = useTagged<KeyView>(path);
  const [open, setOpen] = useState<Open>();
  const [made, setMade] = useState<MadeKey>();
  const restore = useChange("/keys", "/audit");
  const value = key.data?.value;
  const mayWrite = may("keys:write");
  return (
    <Page
      title={value?.name ?? t("nav.keys")}
      lead={<span className="font-mono text-xs">{id}</span>}
      actions={
        value &&
        mayWrite && (
          <>
            <Button onClick={() => setOpen("edit")}>{t("edit")}</Button>
            <Button onClick={() => setOpen("rotate")}>{t("keys.rotate")}</Button>
            {value.state === "revoked" ? (
              <Button
                busy={restore.isPending}
                onClick={() =>
                  restore.mutate(
                    { method: "POST", path: `${path}/restore` },
                    { onSuccess: () => say(t("keys.restored")) },
                  )
                }
              >
                {t("keys.restore")}
              </Button>
            ) : (
              <Button look="danger" onClick={() => setOpen("revoke")}>
                {t("keys.revoke")}
              </Button>
            )}
          </>
        )
      }
    >
      {key.error !== null && <Problem error={key.error} onRetry={() => void key.refetch()} />}
      {!value && !key.error && <Waiting lines={8} />}
      {value && (
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <About value={value} />
          <Used path={path} value={value} />
          <Usage id={id} />
        </div>
      )}
      {value && open === "edit" && (
        <EditKey path={path} value={value} tag={key.data?.tag} onClose={() => setOpen(undefined)} />
      )}
      {value && open === "rotate" && (
        <RotateKey
          path={path}
          onClose={() => setOpen(undefined)}
          onMade={(next) => {
            setOpen(undefined);
            setMade(next);
          }}
        />
      )}
      {value && open === "revoke" && <RevokeKey path={path} name={value.name} onClose={() => setOpen(undefined)} />}
      {made && (
        <SecretDialog
          title={t("keys.rotated", { name: made.key.name })}
          secret={made.secret}
          example={curlOf(made.secret)}
          onClose={() => setMade(undefined)}
        />
      )}
    </Page>
  );
}

function About({ value }: { readonly value: KeyView }) {
  const { t } = useTranslation();
  const most = (amount: number | null) => (amount === null ? "∞" : count(amount));
  return (
    <Card
      title={t("keys.about")}
      actions={
        <Link
          to="/requests"
          search={{ key: value.name } as never}
          className="text-sm text-accent underline underline-offset-2"
        >
          {t("keys.itsRequests")}
        </Link>
      }
    >
      <Facts
        rows={[
          [
            t("state"),
            <Badge key="state" tone={keyTone(value.state)}>
              {t(`keys.states.${value.state}`)}
            </Badge>,
          ],
          [t("keys.key"), <code key="prefix">{value.prefix}…</code>],
          [t("keys.owner"), [value.user, value.group].filter(Boolean).join(" · ") || "–"],
          [t("keys.models"), value.models.join(" ") || t("keys.allModels")],
          [t("keys.created"), <When key="created" at={value.created} />],
          [t("keys.expires"), <When key="expires" at={value.expires} />],
          [t("keys.counts.rpm"), most(value.rpm)],
          [t("keys.counts.rpd"), most(value.rpd)],
          [t("keys.counts.tpm"), most(value.tpm)],
          [t("keys.counts.concurrent"), most(value.concurrent)],
          ...(value.notes === "" ? [] : [[t("notes"), value.notes] as const]),
        ]}
      />
    </Card>
  );
}

function Used({ path, value }: { readonly path: string; readonly value: KeyView }) {
  const { t } = useTranslation();
  const { data, error } = useGet<{ items: readonly LimitView[] }>(`${path}/limits`, undefined, { everyMs: 5000 });
  return (
    <Card title={t("keys.used")}>
      {error !== null && <Problem error={error} />}
      {data?.items.length === 0 && (
        <p className="text-sm text-soft">{value.budgets.length > 0 ? t("keys.nothingUsed") : t("keys.noLimits")}</p>
      )}
      <ul className="grid gap-3">
        {data?.items.map((limit) => (
          <li key={limit.limit} className="grid gap-1 text-sm">
            <div className="flex justify-between gap-3">
              <span>{limit.limit}</span>
              <span className="tabular-nums">
                {limit.used} / {limit.most}
              </span>
            </div>
            <Bar
              share={limit.share}
              label={limit.limit}
              tone={limit.state === "reached" ? "bad" : limit.state === "soft" ? "warn" : "good"}
            />
            {limit.resets && (
              <span className="text-xs text-soft">
                {t("overview.resets")} <When at={limit.resets} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Usage({ id }: { readonly id: string }) {
  const { t } = useTranslation();
  const asked = useMemo(() => rangeOf("week"), []);
  const { data } = useGet<StatisticsView>("/statistics", {
    since: asked.since,
    offset_minutes: asked.offsetMinutes,
    bucket: asked.bucket,
    key: id,
  });
  const points = useMemo(() => (data ? completed(data, bucketMsOf(asked.bucket)) : undefined), [data, asked]);
  const times = useMemo(() => points?.map(({ time }) => time) ?? [], [points]);
  const cost = useMemo(
    () =>
      [
        {
          label: t("overview.cost"),
          values: points?.map(({ row }) => row?.cost_usd ?? 0) ?? [],
          color: "info",
          fill: true,
        },
      ] as const,
    [points, t],
  );
  const requests = useMemo(
    () =>
      [
        {
          label: t("overview.requests"),
          values: points?.map(({ row }) => row?.requests ?? 0) ?? [],
          color: "accent",
          fill: true,
        },
      ] as const,
    [points, t],
  );
  if (!points) return <Waiting lines={6} />;
  return (
    <>
      <Card title={t("keys.costOfWeek")}>
        <Chart label={t("keys.costOfWeek")} times={times} series={cost} format={usd} />
      </Card>
      <Card title={t("keys.requestsOfWeek")}>
        <Chart label={t("keys.requestsOfWeek")} times={times} series={requests} format={compact} />
      </Card>
    </>
  );
}
