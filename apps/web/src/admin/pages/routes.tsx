import type { RoutesView } from "@trunkline/admin/api";
import { useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { useChange, useMay, useTagged } from "../app/queries.ts";
import { Button, IconButton } from "../parts/controls.tsx";
import { Badge, Empty, Note, Page, Problem, TextLink, Waiting } from "../parts/display.tsx";
import { EditRoute, targetsOf, type Route } from "../parts/edit-route.tsx";
import { Explain } from "../parts/explain.tsx";
import { Icon } from "../parts/icons.tsx";
import { say } from "../parts/toasts.tsx";
import { ApiError } from "../../shared/api.ts";

const targetName = (target: string | Record<string, unknown>) =>
  typeof target === "string" ? target : String(target["target"] ?? "?");

/** A word for its kind where a target has conditions, weights or the like. */
function targetNote(target: string | Record<string, unknown>): string {
  if (typeof target === "string") return "";
  const { target: _target, ...rest } = target;
  return Object.keys(rest).length === 0 ? "" : JSON.stringify(rest);
}

function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = list.toSpliced(from, 1);
  next.splice(to, 0, list[from]!);
  return next;
}

export function RoutesPage() {
  const { t } = useTranslation();
  const may = useMay();
  const answer = useTagged<RoutesView>("/routes");
  const change = useChange("/routes", "/settings", "/audit");
  /** What is changed here and not saved, with the tag of what it was made from. */
  const [draft, setDraft] = useState<{ routes: readonly Route[]; tag: string | undefined }>();
  const [editing, setEditing] = useState<number>();
  const routes = draft?.routes ?? answer.data?.value.routes;
  const mayWrite = may("routes:write");
  const isOutdated = draft !== undefined && answer.data !== undefined && draft.tag !== answer.data.tag;

  const put = (next: readonly Route[]) => setDraft({ routes: next, tag: draft ? draft.tag : answer.data?.tag });

  return (
    <Page
      title={t("nav.routes")}
      lead={t("routes.lead")}
      actions={
        mayWrite && (
          <Button
            icon="plus"
            onClick={() => {
              put([...(routes ?? []), { pattern: "", targets: [] }]);
              setEditing(routes?.length ?? 0);
            }}
          >
            {t("routes.add")}
          </Button>
        )
      }
    >
      {answer.error !== null && <Problem error={answer.error} onRetry={() => void answer.refetch()} />}
      {change.error instanceof ApiError && change.error.code !== "changed_meanwhile" && (
        <Problem error={change.error} />
      )}
      {isOutdated && (
        <Note tone="warn">
          <p>{t("routes.changedMeanwhile")}</p>
          <div className="mt-2 flex flex-wrap gap-2">
            <Button onClick={() => setDraft(undefined)}>{t("routes.takeTheirs")}</Button>
            <Button onClick={() => setDraft({ routes: draft.routes, tag: answer.data!.tag })}>
              {t("routes.keepMine")}
            </Button>
          </div>
          <details className="mt-2">
            <summary>{t("routes.theirs")}</summary>
            <pre className="mt-1 overflow-x-auto text-xs">{JSON.stringify(answer.data!.value.routes, null, 2)}</pre>
          </details>
        </Note>
      )}
      {draft && (
        <div className="sticky top-2 z-10 flex flex-wrap items-center justify-between gap-2 rounded-xl border border-accent bg-raised p-3 shadow max-md:top-14">
          <span className="text-sm">{t("routes.unsaved")}</span>
          <span className="flex gap-2">
            <Button onClick={() => setDraft(undefined)}>{t("discard")}</Button>
            <Button
              look="primary"
              busy={change.isPending}
              disabled={isOutdated}
              onClick={() =>
                change.mutate(
                  { method: "PUT", path: "/routes", body: { routes: draft.routes }, tag: draft.tag },
                  {
                    onSuccess() {
                      setDraft(undefined);
                      say(t("saved"));
                    },
                  },
                )
              }
            >
              {t("save")}
            </Button>
          </span>
        </div>
      )}
      {answer.data?.value.problems.map((problem) => (
        <Note key={JSON.stringify(problem)} tone="bad">
          {String((problem as { pattern?: string }).pattern)}: {String((problem as { problem?: string }).problem)}
        </Note>
      ))}
      {!routes && !answer.error && <Waiting lines={6} />}
      {routes?.length === 0 && (
        <Empty title={t("routes.none")}>
          {t("routes.noneHint")} <TextLink to="/models">{t("nav.models")}</TextLink>
        </Empty>
      )}
      {routes && routes.length > 0 && (
        <RouteList
          routes={routes}
          mayWrite={mayWrite}
          onMove={(from, to) => put(moved(routes, from, to))}
          onEdit={setEditing}
          onRemove={(index) => put(routes.toSpliced(index, 1))}
        />
      )}
      <Explain />
      {editing !== undefined && routes?.[editing] && (
        <EditRoute
          route={routes[editing]}
          strategies={answer.data?.value.strategies ?? []}
          onClose={() => setEditing(undefined)}
          onSave={(route) => {
            put(routes.with(editing, route));
            setEditing(undefined);
          }}
        />
      )}
    </Page>
  );
}

/** The first route that matches decides: their order is changed by dragging, or by the buttons. */
function RouteList({
  routes,
  mayWrite,
  onMove,
  onEdit,
  onRemove,
}: {
  readonly routes: readonly Route[];
  readonly mayWrite: boolean;
  readonly onMove: (from: number, to: number) => void;
  readonly onEdit: (index: number) => void;
  readonly onRemove: (index: number) => void;
}) {
  const { t } = useTranslation();
  const [dragged, setDragged] = useState<number>();
  const [said, setSaid] = useState("");

  function move(from: number, to: number): void {
    if (to < 0 || to >= routes.length || to === from) return;
    onMove(from, to);
    setSaid(t("routes.moved", { name: String(routes[from]!["pattern"]), place: to + 1, count: routes.length }));
  }

  return (
    <>
      <p role="status" className="sr-only">
        {said}
      </p>
      <ol className="grid gap-2">
        {routes.map((route, index) => {
          const pattern = String(route["pattern"] ?? "");
          return (
            <li
              key={`${index} ${pattern}`}
              draggable={mayWrite}
              onDragStart={() => setDragged(index)}
              onDragEnd={() => setDragged(undefined)}
              onDragOver={(event: DragEvent) => event.preventDefault()}
              onDrop={() => dragged !== undefined && move(dragged, index)}
              className={`flex flex-wrap items-center gap-3 rounded-xl border bg-raised p-3 ${dragged === index ? "border-accent opacity-60" : "border-line"}`}
            >
              {mayWrite && (
                <span className="flex shrink-0 items-center text-soft">
                  <span className="cursor-grab max-sm:hidden" title={t("routes.drag")}>
                    <Icon name="grip" />
                  </span>
                  <IconButton
                    icon="up"
                    label={t("routes.up", { name: pattern })}
                    disabled={index === 0}
                    onClick={() => move(index, index - 1)}
                  />
                  <IconButton
                    icon="down"
                    label={t("routes.down", { name: pattern })}
                    disabled={index === routes.length - 1}
                    onClick={() => move(index, index + 1)}
                  />
                </span>
              )}
              <div className="grid min-w-0 flex-1 gap-1">
                <span className="flex flex-wrap items-center gap-2">
                  <code className="font-medium">{pattern || t("routes.noPattern")}</code>
                  <Badge>{String(route["strategy"] ?? "priority")}</Badge>
                </span>
                <ol className="flex flex-wrap gap-x-2 gap-y-1 text-sm text-soft">
                  {targetsOf(route).map((target, place) => (
                    <li key={place} className="inline-flex flex-wrap items-center gap-1">
                      {place > 0 && <span aria-hidden="true">→</span>}
                      <span className="text-ink">{targetName(target)}</span>
                      <span className="text-xs wrap-anywhere">{targetNote(target)}</span>
                    </li>
                  ))}
                </ol>
              </div>
              {mayWrite && (
                <span className="flex gap-1">
                  <Button onClick={() => onEdit(index)}>{t("edit")}</Button>
                  <IconButton
                    icon="close"
                    label={t("routes.remove", { name: pattern })}
                    onClick={() => onRemove(index)}
                  />
                </span>
              )}
            </li>
          );
        })}
      </ol>
    </>
  );
}
