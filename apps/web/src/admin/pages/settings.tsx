import type { SettingsDiff, SettingsView, VersionView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call } from "../../shared/api.ts";
import { useChange, useGet, useList, useMay, useTagged } from "../app/queries.ts";
import { useFilters } from "../app/use-search.ts";
import { Button } from "../parts/controls.tsx";
import { Badge, Card, Note, Page, Problem, Waiting, When } from "../parts/display.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { pathName, type Path, type Schema } from "../parts/settings/schema.ts";
import { Setting, type Draft } from "../parts/settings/setting.tsx";
import { More } from "../parts/table.tsx";
import { say } from "../parts/toasts.tsx";

/** Order of the sections; what is not named comes after. */
const order = ["server", "providers", "aliases", "limits", "prices", "ledger", "cache", "retries", "breaker", "health"];

export function SettingsPage() {
  const { t } = useTranslation();
  const may = useMay();
  const [search, setSearch] = useFilters();
  const answer = useTagged<SettingsView>("/settings");
  const [draft, setDraft] = useState<Draft>(new Map());
  /** The tag of what the changes were made from. */
  const [tag, setTag] = useState<string>();
  const [isReviewing, setReviewing] = useState(false);
  const settings = answer.data?.value;
  const properties = (settings?.schema as Schema | undefined)?.properties ?? {};
  const names = Object.keys(properties)
    .filter((name) => name !== "routes")
    .toSorted((a, b) => (order.indexOf(a) + 1 || 99) - (order.indexOf(b) + 1 || 99));
  const section = names.find((name) => name === search["section"]) ?? names[0];

  function change(path: Path, value: unknown): void {
    if (draft.size === 0) setTag(answer.data?.tag);
    setDraft(new Map(draft).set(pathName(path), { path, value }));
  }

  const isOutdated = draft.size > 0 && answer.data !== undefined && tag !== answer.data.tag;
  return (
    <Page title={t("nav.settings")} lead={settings && t("settings.lead", { file: settings.file })}>
      {answer.error !== null && <Problem error={answer.error} onRetry={() => void answer.refetch()} />}
      {!settings && !answer.error && <Waiting lines={8} />}
      {isOutdated && (
        <Note tone="warn">
          <p>{t("settings.changedMeanwhile")}</p>
          <div className="mt-2 flex flex-wrap gap-2">
            <Button onClick={() => setTag(answer.data!.tag)}>{t("settings.applyOnTop")}</Button>
            <Button onClick={() => setDraft(new Map())}>{t("discard")}</Button>
          </div>
        </Note>
      )}
      {draft.size > 0 && (
        <div className="sticky top-2 z-10 flex flex-wrap items-center justify-between gap-2 rounded-xl border border-accent bg-raised p-3 shadow max-md:top-14">
          <span className="text-sm">{t("settings.unsaved", { count: draft.size })}</span>
          <span className="flex gap-2">
            <Button onClick={() => setDraft(new Map())}>{t("discard")}</Button>
            <Button look="primary" disabled={isOutdated} onClick={() => setReviewing(true)}>
              {t("settings.review")}
            </Button>
          </span>
        </div>
      )}
      {settings && section !== undefined && (
        <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 md:grid-cols-[11rem_minmax(0,1fr)]">
          <nav aria-label={t("settings.sections")}>
            <ul className="flex gap-1 overflow-x-auto md:grid">
              {names.map((name) => (
                <li key={name}>
                  <button
                    type="button"
                    aria-current={name === section ? "true" : undefined}
                    onClick={() => setSearch({ section: name })}
                    className="min-h-9 w-full rounded-lg px-2.5 text-left text-sm hover:bg-sunken aria-current:bg-accent-soft aria-current:font-medium aria-current:text-accent"
                  >
                    {name}
                  </button>
                </li>
              ))}
            </ul>
          </nav>
          <Card title={section}>
            <div className="max-w-2xl">
              <Setting
                key={section}
                schema={properties[section]!}
                path={[section]}
                context={{
                  values: settings.values,
                  written: settings.written,
                  overridden: settings.overridden,
                  restart: settings.restart,
                  draft,
                  mayWrite: may("settings:write"),
                  onChange: change,
                }}
              />
            </div>
          </Card>
        </div>
      )}
      <History tag={answer.data?.tag} mayWrite={may("settings:write")} />
      {isReviewing && (
        <Review
          draft={draft}
          tag={tag}
          onClose={() => setReviewing(false)}
          onSaved={() => {
            setReviewing(false);
            setDraft(new Map());
            say(t("saved"));
          }}
        />
      )}
    </Page>
  );
}

function DiffLines({ diff }: { readonly diff: SettingsDiff["diff"] }) {
  const { t } = useTranslation();
  if (diff.every(({ kind }) => kind === "same"))
    return <p className="text-sm text-soft">{t("settings.noDifference")}</p>;
  const signs = { same: " ", added: "+", removed: "-" } as const;
  const looks = { same: "text-soft", added: "bg-good-soft text-good", removed: "bg-bad-soft text-bad" } as const;
  return (
    <pre
      tabIndex={0}
      aria-label={t("settings.diff")}
      className="max-h-96 overflow-auto rounded-lg border border-line p-2 font-mono text-xs"
    >
      {diff.map(({ kind, text }, index) => (
        <div key={index} className={looks[kind]}>
          <span className="sr-only">{kind === "same" ? "" : t(`settings.${kind}`)}</span>
          {signs[kind]} {text}
        </div>
      ))}
    </pre>
  );
}

function Review({
  draft,
  tag,
  onSaved,
  onClose,
}: {
  readonly draft: Draft;
  readonly tag: string | undefined;
  readonly onSaved: () => void;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const preview = useChange<SettingsDiff>();
  const save = useChange<SettingsDiff>("/settings", "/routes", "/providers", "/models", "/audit");
  const [asked, setAsked] = useState(false);
  const changes = [...draft.values()].map(({ path, value }) => ({ path, ...(value === undefined ? {} : { value }) }));
  if (!asked) {
    setAsked(true);
    preview.mutate({ method: "POST", path: "/settings/preview", body: { changes } });
  }
  return (
    <FormDialog
      wide
      title={t("settings.review")}
      action={t("save")}
      onClose={onClose}
      onSubmit={async () => {
        await save.mutateAsync({ method: "PATCH", path: "/settings", body: { changes }, tag });
        onSaved();
      }}
    >
      {preview.error !== null && <Problem error={preview.error} />}
      {preview.data?.problems.map((problem) => (
        <Note key={problem} tone="bad">
          {problem}
        </Note>
      ))}
      {preview.data ? <DiffLines diff={preview.data.diff} /> : <Waiting />}
    </FormDialog>
  );
}

function History({ tag, mayWrite }: { readonly tag: string | undefined; readonly mayWrite: boolean }) {
  const { t } = useTranslation();
  const list = useList<VersionView>("/settings/history", { limit: 10 });
  const [shown, setShown] = useState<string>();
  return (
    <Card title={t("settings.history")}>
      {list.items?.length === 0 && <p className="text-sm text-soft">{t("settings.noHistory")}</p>}
      <ul className="grid gap-1.5">
        {list.items?.map((version) => (
          <li key={version.id} className="flex flex-wrap items-center justify-between gap-2 text-sm">
            <span>
              {t("settings.before")} <When at={version.time} /> · {version.actor}{" "}
              <Badge>{version.tag.slice(1, 8)}</Badge>
            </span>
            <Button onClick={() => setShown(version.id)}>{t("settings.compare")}</Button>
          </li>
        ))}
      </ul>
      <More hasMore={list.hasNextPage} busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
      {shown !== undefined && <Restore id={shown} tag={tag} mayWrite={mayWrite} onClose={() => setShown(undefined)} />}
    </Card>
  );
}

function Restore({
  id,
  tag,
  mayWrite,
  onClose,
}: {
  readonly id: string;
  readonly tag: string | undefined;
  readonly mayWrite: boolean;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const path = `/settings/history/${encodeURIComponent(id)}`;
  const { data, error } = useGet<SettingsDiff>(path);
  const change = useChange("/settings", "/routes", "/providers", "/models", "/audit");
  return (
    <FormDialog
      wide
      title={t("settings.undo")}
      action={mayWrite ? t("settings.restoreThis") : t("close")}
      onClose={onClose}
      onSubmit={async () => {
        if (mayWrite) {
          const newest = tag ?? (await call("GET", "/settings")).tag;
          await change.mutateAsync({ method: "POST", path: `${path}/restore`, tag: newest });
          say(t("settings.restored"));
        }
        onClose();
      }}
    >
      {error !== null && <Problem error={error} />}
      {data?.problems.map((problem) => (
        <Note key={problem} tone="bad">
          {problem}
        </Note>
      ))}
      {data ? <DiffLines diff={data.diff} /> : <Waiting />}
    </FormDialog>
  );
}
