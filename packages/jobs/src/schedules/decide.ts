import {
  GatewayError,
  newId,
  newTask,
  type Schedule,
  type ScheduleRun,
  type Task,
  type TaskStatus,
} from "@trunkline/contracts";
import type { Decision } from "@trunkline/store";
import { Cron } from "croner";

/** Milliseconds after which a run that was due counts as missed. */
export const missedAfterMs = 60_000;
/** Runs that were due and are looked at, held, or made up for at once. */
const mostDue = 100;

function cronOf(cron: string, timeZone: string): Cron {
  return new Cron(cron, { timezone: timeZone, paused: true, mode: "5-part" });
}

/** When a schedule is due after a moment, in milliseconds since the epoch; null for never. Throws GatewayError. */
export function nextRun(cron: string, timeZone: string, after: number): number | null {
  try {
    return cronOf(cron, timeZone).nextRun(new Date(after))?.getTime() ?? null;
  } catch (error) {
    const isZone = /timezone/i.test((error as Error).message);
    const help = isZone
      ? `'${timeZone}' is no time zone; send an IANA name such as Europe/Berlin`
      : `'${cron}' is no cron expression of five fields (minute, hour, day, month, weekday): ${(error as Error).message}`;
    throw new GatewayError("invalid_request", `${help}.`, { parameter: isZone ? "time_zone" : "cron" });
  }
}

/** Every time it was due, newest last, at most so many; and when it is due next. */
function dueTimes(schedule: Schedule, now: number): { due: number[]; nextAt: number | null } {
  const cron = cronOf(schedule.cron, schedule.timeZone);
  const due: number[] = [];
  let at = schedule.nextAt;
  while (at !== null && at <= now) {
    due.push(at);
    if (due.length > mostDue) {
      // After a long time off: only the newest ones are of interest.
      const recent = cron.previousRuns(mostDue, new Date(now)).map((date) => date.getTime());
      return { due: recent.toReversed(), nextAt: cron.nextRun(new Date(now))?.getTime() ?? null };
    }
    at = cron.nextRun(new Date(at))?.getTime() ?? null;
  }
  return { due, nextAt: at };
}

export type OpenTask = { readonly id: string; readonly status: TaskStatus };

/** What is to become of a schedule that is due: which runs start, wait, or are left out, and why. */
export function decide(schedule: Schedule, open: readonly OpenTask[], now: number): Decision {
  const { due, nextAt } = dueTimes(schedule, now);
  const runs: ScheduleRun[] = [];
  const tasks: Task[] = [];
  const note = (dueAt: number, outcome: ScheduleRun["outcome"], taskId: string | null = null) =>
    runs.push({ id: newId("run_"), scheduleId: schedule.id, dueAt, decidedAt: now, outcome, taskId });

  function begin(dueAt: number, status: "queued" | "held"): void {
    const task = taskOfSchedule(schedule, status, now + tasks.length);
    tasks.push(task);
    note(dueAt, status === "held" ? "held" : "started", task.id);
  }

  const isMissed = (at: number) => now - at > missedAfterMs;
  const wanted = due.filter((at, index) => {
    const isLast = index === due.length - 1;
    const isKept = schedule.missed === "all" || (schedule.missed === "once" ? isLast : !isMissed(at));
    if (!isKept) note(at, "missed");
    return isKept;
  });
  if (schedule.overlap === "replace" && wanted.length > 0) {
    for (const at of wanted.slice(0, -1)) note(at, "replaced");
    begin(wanted.at(-1)!, "queued");
    return { runs, tasks, cancel: open.map(({ id }) => id), nextAt };
  }
  for (const at of wanted) {
    const busy = open.length + tasks.length;
    if (schedule.overlap === "parallel" || busy === 0) begin(at, "queued");
    else if (schedule.overlap === "queue" && busy < mostDue) begin(at, "held");
    else note(at, "overlapped");
  }
  return { runs, tasks, cancel: [], nextAt };
}

/** A run of a schedule as a task. */
export function taskOfSchedule(schedule: Schedule, status: "queued" | "held", now: number): Task {
  const { keyId, endpoint, body, callbackUrl, id: scheduleId } = schedule;
  return newTask({ id: newId("task_"), keyId, endpoint, body, callbackUrl, scheduleId, status, createdAt: now });
}
