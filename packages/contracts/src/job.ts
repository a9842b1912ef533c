import type { JsonObject } from "./json.ts";

/** `held`: waits for the schedule's run before it. */
export const taskStatuses = ["held", "queued", "running", "succeeded", "failed", "cancelled"] as const;
export type TaskStatus = (typeof taskStatuses)[number];

export const callbackStates = ["none", "pending", "delivered", "dead"] as const;
export type CallbackState = (typeof callbackStates)[number];

/** An answer as a client would have got it. */
export type TaskResult = {
  readonly status: number;
  readonly body: unknown;
};

/** A request to a model route that is made in the background. Times are milliseconds since the epoch. */
export type Task = {
  readonly id: string;
  readonly keyId: string;
  /** Path of a model route. */
  readonly endpoint: string;
  readonly body: JsonObject;
  readonly status: TaskStatus;
  readonly createdAt: number;
  /** Not before. */
  readonly runAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Times it was begun. */
  readonly attempts: number;
  /** Null until it has ended; null then, too, when it was cancelled. */
  readonly result: TaskResult | null;
  readonly errorCode: string | null;
  readonly callbackUrl: string | null;
  readonly callbackState: CallbackState;
  readonly callbackAttempts: number;
  readonly callbackError: string | null;
  readonly idempotencyKey: string | null;
  /** Of what was asked for, so that one idempotency key stands for one request. */
  readonly fingerprint: string;
  readonly batchId: string | null;
  readonly customId: string | null;
  readonly scheduleId: string | null;
};

type GivenTask = Pick<Task, "id" | "keyId" | "endpoint" | "body" | "createdAt"> & Partial<Task>;

/** A task nothing has become of yet, due at once unless it is said otherwise. */
export function newTask(given: GivenTask): Task {
  return {
    status: "queued",
    runAt: given.createdAt,
    startedAt: null,
    finishedAt: null,
    attempts: 0,
    result: null,
    errorCode: null,
    callbackUrl: null,
    callbackState: (given.callbackUrl ?? null) === null ? "none" : "pending",
    callbackAttempts: 0,
    callbackError: null,
    idempotencyKey: null,
    fingerprint: "",
    batchId: null,
    customId: null,
    scheduleId: null,
    ...given,
  };
}

export const missedPolicies = ["skip", "once", "all"] as const;
export type MissedPolicy = (typeof missedPolicies)[number];
export const overlapPolicies = ["skip", "queue", "parallel", "replace"] as const;
export type OverlapPolicy = (typeof overlapPolicies)[number];

/** A task that is made again and again. */
export type Schedule = {
  readonly id: string;
  readonly keyId: string;
  readonly name: string;
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  readonly cron: string;
  /** IANA name. */
  readonly timeZone: string;
  readonly endpoint: string;
  readonly body: JsonObject;
  readonly callbackUrl: string | null;
  /** What becomes of runs that were due while no gateway ran. */
  readonly missed: MissedPolicy;
  /** What becomes of a run that is due while the one before has not ended. */
  readonly overlap: OverlapPolicy;
  readonly isPaused: boolean;
  readonly createdAt: number;
  /** Null when it is paused, or never due again. */
  readonly nextAt: number | null;
};

export const runOutcomes = ["started", "held", "missed", "overlapped", "replaced"] as const;

/** One time a schedule was due. `started` and `held` have a task. */
export type ScheduleRun = {
  readonly id: string;
  readonly scheduleId: string;
  readonly dueAt: number;
  readonly decidedAt: number;
  readonly outcome: (typeof runOutcomes)[number];
  readonly taskId: string | null;
};

/** A file a client has handed in, or one made for it. */
export type StoredFile = {
  readonly id: string;
  readonly keyId: string;
  readonly filename: string;
  readonly purpose: string;
  readonly bytes: number;
  readonly createdAt: number;
  /** Null for ever. */
  readonly expiresAt: number | null;
};

export const batchStatuses = [
  "validating",
  "failed",
  "in_progress",
  "finalizing",
  "completed",
  "expired",
  "cancelling",
  "cancelled",
] as const;
export type BatchStatus = (typeof batchStatuses)[number];

/** Many requests in a file. */
export type Batch = {
  readonly id: string;
  readonly keyId: string;
  readonly endpoint: string;
  readonly status: BatchStatus;
  readonly inputFileId: string;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  readonly completionWindow: string;
  readonly metadata: JsonObject | null;
  readonly total: number;
  readonly errors: readonly { readonly code: string; readonly line: number | null; readonly message: string }[];
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When each status was reached. */
  readonly reachedAt: Readonly<Partial<Record<BatchStatus, number>>>;
};
