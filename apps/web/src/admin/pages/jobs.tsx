import type { RunView, ScheduleView, TaskView } from "@trunkline/admin/api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { freshTag, useChange, useList, useMay } from "../app/queries.ts";
import { useFilters } from "../app/use-search.ts";
import { Button, SelectField, Switch } from "../parts/controls.tsx";
import { Badge, Card, Empty, Page, Problem, Waiting, When, type Tone } from "../parts/display.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { More, Table } from "../parts/table.tsx";

const statuses = ["held", "queued", "running", "succeeded", "failed", "cancelled"] as const;
const tones: Readonly<Record<string, Tone>> = { succeeded: "good", failed: "bad", running: "info", cancelled: "warn" };

export function JobsPage() {
  const { t } = useTranslation();
  const may = useMay();
  const [search, setSearch] = useFilters();
  const status = statuses.find((name) => name === search["status"]);
  const tasks = useList<TaskView>("/tasks", { status }, { everyMs: 5000 });
  const schedules = useList<ScheduleView>("/schedules", { limit: 200 }, { everyMs: 10_000 });
  const change = useChange("/tasks", "/schedules", "/audit");
  const [shown, setShown] = useState<ScheduleView>();
  const mayWrite = may("jobs:write");
  const pathOf = ({ id }: ScheduleView) => `/schedules/${encodeURIComponent(id)}`;

  return (
    <Page title={t("nav.jobs")} lead={t("jobs.lead")}>
      {change.error !== null && <Problem error={change.error} />}
      <Card title={t("jobs.schedules")}>
        {schedules.error !== null && <Problem error={schedules.error} />}
        {schedules.items?.length === 0 && <p className="text-sm text-soft">{t("jobs.noSchedules")}</p>}
        <ul className="grid gap-2">
          {schedules.items?.map((schedule) => (
            <li key={schedule.id} className="flex flex-wrap items-center justify-between gap-2 text-sm">
              <span className="inline-flex min-w-0 flex-wrap items-center gap-2">
                <span className="font-medium">{schedule.name}</span>
                <code className="text-xs">{schedule.cron}</code>
                <span className="text-soft">
                  {schedule.time_zone} · {schedule.key_name || schedule.key_id} · {schedule.endpoint}
                </span>
                {schedule.paused ? <Badge tone="warn">{t("jobs.paused")}</Badge> : <When at={schedule.next} />}
              </span>
              <span className="inline-flex flex-wrap items-center gap-2">
                <Button onClick={() => setShown(schedule)}>{t("jobs.history")}</Button>
                {mayWrite && (
                  <>
                    <Switch
                      label={t("jobs.on")}
                      checked={!schedule.paused}
                      onChange={(isOn) =>
                        void freshTag(pathOf(schedule)).then((tag) =>
                          change.mutate({ method: "PATCH", path: pathOf(schedule), body: { paused: !isOn }, tag }),
                        )
                      }
                    />
                    <Button
                      look="danger"
                      onClick={() =>
                        void freshTag(pathOf(schedule)).then((tag) =>
                          change.mutate({ method: "DELETE", path: pathOf(schedule), tag }),
                        )
                      }
                    >
                      {t("remove")}
                    </Button>
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      </Card>
      <div className="max-w-48">
        <SelectField
          label={t("jobs.status")}
          value={status ?? ""}
          onChange={({ target }) => setSearch({ status: target.value || undefined })}
          options={[["", t("any")], ...statuses.map((name) => [name, t(`jobs.statuses.${name}`)] as const)]}
        />
      </div>
      {tasks.error !== null && <Problem error={tasks.error} onRetry={() => void tasks.refetch()} />}
      {!tasks.items && !tasks.error && <Waiting />}
      {tasks.items?.length === 0 && <Empty title={t("jobs.none")}>{t("jobs.noneHint")}</Empty>}
      {tasks.items && tasks.items.length > 0 && (
        <Table
          label={t("jobs.tasks")}
          rows={tasks.items}
          keyOf={({ id }) => id}
          columns={[
            { name: "id", title: t("id"), isHeading: true, cell: ({ id }) => <code className="text-xs">{id}</code> },
            {
              name: "status",
              title: t("jobs.status"),
              cell: (task) => (
                <Badge tone={tones[task.status] ?? "plain"}>
                  {t(`jobs.statuses.${task.status as "held"}`)} {task.error_code ?? ""}
                </Badge>
              ),
            },
            { name: "endpoint", title: t("jobs.endpoint"), cell: ({ endpoint }) => endpoint },
            { name: "key", title: t("requests.key"), cell: ({ key_name: name, key_id: id }) => name || id },
            { name: "tries", title: t("jobs.tries"), align: "right", cell: ({ attempts }) => attempts },
            {
              name: "callback",
              title: t("jobs.callback"),
              cell: ({ callback_state: state, callback_error: error }) =>
                state === "none" ? "–" : `${state} ${error ?? ""}`,
            },
            { name: "created", title: t("keys.created"), cell: ({ created }) => <When at={created} /> },
          ]}
          {...(mayWrite
            ? {
                actions: ({ id, status: now }: TaskView) =>
                  now === "queued" || now === "running" || now === "held" ? (
                    <Button
                      look="danger"
                      onClick={() => change.mutate({ method: "POST", path: `/tasks/${encodeURIComponent(id)}/cancel` })}
                    >
                      {t("cancel")}
                    </Button>
                  ) : null,
              }
            : {})}
        />
      )}
      <More hasMore={tasks.hasNextPage} busy={tasks.isFetchingNextPage} onMore={() => void tasks.fetchNextPage()} />
      {shown && <History schedule={shown} onClose={() => setShown(undefined)} />}
    </Page>
  );
}

function History({ schedule, onClose }: { readonly schedule: ScheduleView; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const runs = useList<RunView>(`/schedules/${encodeURIComponent(schedule.id)}/runs`);
  return (
    <Dialog title={t("jobs.historyOf", { name: schedule.name })} onClose={onClose} wide>
      {runs.error !== null && <Problem error={runs.error} />}
      {!runs.items && <Waiting />}
      {runs.items?.length === 0 && <p className="text-sm text-soft">{t("jobs.noRuns")}</p>}
      <ul className="grid gap-1.5 text-sm">
        {runs.items?.map((run) => (
          <li key={run.id} className="flex flex-wrap items-center gap-2">
            <When at={run.due} exact />
            <Badge>{run.outcome}</Badge>
            <code className="text-xs text-soft">{run.task_id}</code>
          </li>
        ))}
      </ul>
      <More hasMore={runs.hasNextPage} busy={runs.isFetchingNextPage} onMore={() => void runs.fetchNextPage()} />
    </Dialog>
  );
}
