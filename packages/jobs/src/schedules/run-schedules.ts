import type { ScheduleTable, TaskTable } from "@trunkline/store";
import { createLoop, type Loop } from "../loop.ts";
import { decide } from "./decide.ts";

export type RunSchedulesOptions = {
  readonly schedules: ScheduleTable;
  readonly tasks: TaskTable;
  readonly pollMs: number;
  /** Tasks were made, or cancelled. */
  readonly onTasks: (cancelled: readonly string[]) => void;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
};

const mostAtOnce = 100;

/** Makes the tasks of schedules that are due, each once, whichever of several processes looks. */
export function runSchedules({ schedules, tasks, pollMs, onTasks, onError, now }: RunSchedulesOptions): Loop {
  return createLoop(
    pollMs,
    async () => {
      for (const schedule of await schedules.due(now(), mostAtOnce)) {
        const decision = decide(schedule, await tasks.openOfSchedule(schedule.id), now());
        if (await schedules.decide(schedule, decision, now())) onTasks(decision.cancel);
      }
    },
    onError,
  );
}
