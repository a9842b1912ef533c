import type { Migration } from "../migrations.ts";
import { table } from "../table.ts";

export const jobsMigration: Migration = {
  name: "0008-jobs",
  async up(database) {
    await table(database, "tasks", {
      id: "text",
      key_id: "text",
      endpoint: "text",
      content: "text",
      status: "text",
      rank: "integer",
      created_at: "bigint",
      run_at: "bigint",
      started_at: "bigint?",
      finished_at: "bigint?",
      attempts: "integer",
      leased_until: "bigint",
      holder: "text?",
      result: "text?",
      error_code: "text?",
      callback_state: "text",
      callback_attempts: "integer",
      callback_at: "bigint",
      callback_error: "text?",
      idempotency_key: "text?",
      fingerprint: "text",
      batch_id: "text?",
      custom_id: "text?",
      schedule_id: "text?",
    });
    const { schema } = database;
    await schema.createIndex("tasks_due").on("tasks").columns(["status", "run_at"]).execute();
    await schema.createIndex("tasks_callbacks").on("tasks").columns(["callback_state", "callback_at"]).execute();
    await schema.createIndex("tasks_of_key").on("tasks").columns(["key_id", "created_at"]).execute();
    await schema.createIndex("tasks_of_batch").on("tasks").columns(["batch_id", "status"]).execute();
    await schema.createIndex("tasks_of_schedule").on("tasks").columns(["schedule_id", "status"]).execute();
    // Where there is no idempotency key, nothing is unique: null is never equal to null.
    await schema.createIndex("tasks_once").on("tasks").columns(["key_id", "idempotency_key"]).unique().execute();
    await table(database, "files", {
      id: "text",
      key_id: "text",
      filename: "text",
      purpose: "text",
      bytes: "bigint",
      created_at: "bigint",
      expires_at: "bigint?",
    });
    await schema.createIndex("files_of_key").on("files").columns(["key_id", "created_at"]).execute();
    await table(database, "file_chunks", { id: "text", file_id: "text", content: "text" });
    await schema.createIndex("chunks_of_file").on("file_chunks").column("file_id").execute();
    await table(database, "batches", {
      id: "text",
      key_id: "text",
      endpoint: "text",
      status: "text",
      input_file_id: "text",
      output_file_id: "text?",
      error_file_id: "text?",
      completion_window: "text",
      metadata: "text?",
      total: "integer",
      errors: "text",
      created_at: "bigint",
      expires_at: "bigint",
      reached_at: "text",
      leased_until: "bigint",
      holder: "text?",
    });
    await schema.createIndex("batches_of_key").on("batches").columns(["key_id", "created_at"]).execute();
    await table(database, "schedules", {
      id: "text",
      key_id: "text",
      name: "text",
      cron: "text",
      time_zone: "text",
      content: "text",
      missed: "text",
      overlap: "text",
      paused: "integer",
      created_at: "bigint",
      next_at: "bigint?",
    });
    await schema.createIndex("schedules_due").on("schedules").column("next_at").execute();
    await table(database, "schedule_runs", {
      id: "text",
      schedule_id: "text",
      due_at: "bigint",
      decided_at: "bigint",
      outcome: "text",
      task_id: "text?",
    });
    await schema.createIndex("runs_of_schedule").on("schedule_runs").columns(["schedule_id", "due_at"]).execute();
    await table(database, "webhook_secrets", { key_id: "text", content: "text" });
  },
};
