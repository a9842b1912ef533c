import type { Batch, Schedule, ScheduleRun, StoredFile, Task } from "@trunkline/contracts";

/** Seconds since the epoch, as OpenAI's objects have times. */
const seconds = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : Math.floor(ms / 1000));

export function shownTask(task: Task): object {
  return {
    id: task.id,
    object: "task",
    status: task.status,
    endpoint: task.endpoint,
    created_at: seconds(task.createdAt),
    run_at: seconds(task.runAt),
    started_at: seconds(task.startedAt),
    finished_at: seconds(task.finishedAt),
    attempts: task.attempts,
    error_code: task.errorCode,
    result: task.result,
    callback:
      task.callbackUrl === null
        ? null
        : {
            url: task.callbackUrl,
            state: task.callbackState,
            attempts: task.callbackAttempts,
            error: task.callbackError,
          },
    idempotency_key: task.idempotencyKey,
    schedule_id: task.scheduleId,
  };
}

/** What a callback brings. */
export function callbackBody(task: Task): object {
  return {
    type: `task.${task.status}`,
    timestamp: new Date(task.finishedAt ?? 0).toISOString(),
    data: shownTask(task),
  };
}

export function shownFile(file: StoredFile): object {
  return {
    id: file.id,
    object: "file",
    bytes: file.bytes,
    created_at: seconds(file.createdAt),
    expires_at: seconds(file.expiresAt),
    filename: file.filename,
    purpose: file.purpose,
    status: "processed",
  };
}

export function shownBatch(batch: Batch, counts: Readonly<Record<string, number | undefined>>): object {
  const { succeeded = 0, failed = 0 } = counts;
  const at = batch.reachedAt;
  return {
    id: batch.id,
    object: "batch",
    endpoint: batch.endpoint,
    errors:
      batch.errors.length === 0
        ? null
        : { object: "list", data: batch.errors.map((error) => ({ ...error, param: null })) },
    input_file_id: batch.inputFileId,
    completion_window: batch.completionWindow,
    status: batch.status,
    output_file_id: batch.outputFileId,
    error_file_id: batch.errorFileId,
    created_at: seconds(batch.createdAt),
    in_progress_at: seconds(at.in_progress),
    expires_at: seconds(batch.expiresAt),
    finalizing_at: seconds(at.finalizing),
    completed_at: seconds(at.completed),
    failed_at: seconds(at.failed),
    expired_at: seconds(at.expired),
    cancelling_at: seconds(at.cancelling),
    cancelled_at: seconds(at.cancelled),
    request_counts: { total: batch.total, completed: succeeded, failed },
    metadata: batch.metadata,
  };
}

export function shownSchedule(schedule: Schedule): object {
  return {
    id: schedule.id,
    object: "schedule",
    name: schedule.name,
    cron: schedule.cron,
    time_zone: schedule.timeZone,
    endpoint: schedule.endpoint,
    body: schedule.body,
    callback_url: schedule.callbackUrl,
    missed: schedule.missed,
    overlap: schedule.overlap,
    paused: schedule.isPaused,
    created_at: seconds(schedule.createdAt),
    next_at: seconds(schedule.nextAt),
  };
}

export function shownRun(run: ScheduleRun): object {
  return {
    id: run.id,
    object: "schedule.run",
    due_at: seconds(run.dueAt),
    decided_at: seconds(run.decidedAt),
    outcome: run.outcome,
    task_id: run.taskId,
  };
}
