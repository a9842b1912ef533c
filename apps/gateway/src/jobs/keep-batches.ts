import { createLoop, type Loop } from "@trunkline/jobs";
import { newTask, type Batch, type StoredFile, type Task, type TaskStatus } from "@trunkline/contracts";
import type { Store } from "@trunkline/store";
import { readBatchLines, type BatchLine } from "./batch-lines.ts";

export type KeepBatchesOptions = {
  readonly store: Pick<Store, "batches" | "files" | "tasks">;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly onTasks: () => void;
  readonly onCancelled: () => void;
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
};

/** Tasks written, and read back, at once. */
const atOnce = 200;

/** Looks after batches: makes tasks of their lines, and files of what came of those. Begun again after a crash, nothing is done twice. */
export function keepBatches({ store, leaseMs, pollMs, onTasks, onCancelled, onError, now }: KeepBatchesOptions): Loop {
  const { batches, files, tasks } = store;

  function taskOf(batch: Batch, { line, customId, body }: BatchLine): Task {
    return newTask({
      // The same at every try, and in the order of the lines.
      id: `${batch.id.replace("batch_", "task_")}_${String(line).padStart(7, "0")}`,
      keyId: batch.keyId,
      endpoint: batch.endpoint,
      body,
      createdAt: batch.createdAt,
      batchId: batch.id,
      customId,
    });
  }

  async function validate(batch: Batch): Promise<void> {
    const errors: Batch["errors"][number][] = [];
    let total = 0;
    for await (const read of readBatchLines(files.read(batch.inputFileId), batch.endpoint)) {
      if ("problem" in read) errors.push(read.problem);
      else total++;
    }
    if (errors.length > 0) {
      await batches.move(batch, "failed", now(), { errors, total });
      return;
    }
    let page: Task[] = [];
    for await (const read of readBatchLines(files.read(batch.inputFileId), batch.endpoint)) {
      if ("problem" in read) continue;
      page.push(taskOf(batch, read));
      if (page.length < atOnce) continue;
      await tasks.insert(page);
      page = [];
    }
    await tasks.insert(page);
    await batches.move(batch, "in_progress", now(), { total });
    onTasks();
  }

  async function lookAt(batch: Batch): Promise<void> {
    if (batch.status === "cancelling" || batch.expiresAt <= now()) {
      await tasks.cancelBatch(batch.id, now());
      onCancelled();
    }
    const counts = await tasks.countBatch(batch.id);
    // What has ended stays so: the files can be made of these numbers.
    if ((counts.queued ?? 0) + (counts.running ?? 0) === 0) await finish(batch, counts);
  }

  async function finish(batch: Batch, counts: Partial<Record<TaskStatus, number>>): Promise<void> {
    const fileOf = (kind: string): Omit<StoredFile, "bytes"> => ({
      id: `${batch.id.replace("batch_", "file-")}-${kind}`,
      keyId: batch.keyId,
      filename: `${batch.id}_${kind}.jsonl`,
      purpose: "batch_output",
      createdAt: now(),
      expiresAt: null,
    });
    async function write(kind: "output" | "error", isWanted: (task: Task) => boolean): Promise<string> {
      const file = fileOf(kind);
      // Left by a try that was broken off.
      await files.remove(file.id);
      await files.write(file, outcomes(batch, isWanted));
      return file.id;
    }
    const isGood = (task: Task) => task.status === "succeeded";
    const bad = (counts.failed ?? 0) + (counts.cancelled ?? 0);
    const outputFileId = (counts.succeeded ?? 0) > 0 ? await write("output", isGood) : null;
    const errorFileId = bad > 0 ? await write("error", (task) => !isGood(task)) : null;
    const to = batch.status === "cancelling" ? "cancelled" : counts.cancelled ? "expired" : "completed";
    await batches.move({ ...batch, reachedAt: { ...batch.reachedAt, finalizing: now() } }, to, now(), {
      outputFileId,
      errorFileId,
    });
  }

  async function* outcomes(batch: Batch, isWanted: (task: Task) => boolean): AsyncGenerator<Buffer> {
    let after = "";
    for (;;) {
      const page = await tasks.batchPage(batch.id, after, atOnce);
      const lines = page.filter(isWanted).map((task) => `${JSON.stringify(outcomeOf(task, batch))}\n`);
      if (lines.length > 0) yield Buffer.from(lines.join(""));
      if (page.length < atOnce) return;
      after = page.at(-1)!.id;
    }
  }

  async function step(): Promise<void> {
    for (const batch of await batches.claim(now(), now() + leaseMs)) {
      if (batch.status === "validating") await validate(batch);
      else await lookAt(batch);
    }
  }

  return createLoop(pollMs, step, onError);
}

/** A line of an output file, as OpenAI writes it. */
function outcomeOf(task: Task, batch: Batch): object {
  const { result } = task;
  return {
    id: task.id.replace("task_", "batch_req_"),
    custom_id: task.customId,
    response: result === null ? null : { status_code: result.status, request_id: task.id, body: result.body },
    error:
      result === null
        ? {
            code: batch.status === "cancelling" ? "batch_cancelled" : "batch_expired",
            message: "This request was not made before the batch ended.",
          }
        : null,
  };
}
