import { z } from "zod";
import { seconds } from "./provider-schema.ts";

export const jobsSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe("Take tasks, batches and schedules, and run them."),
    concurrency: z.number().int().positive().max(1000).default(4).describe("Tasks run at once."),
    waiting_per_key: z
      .number()
      .int()
      .positive()
      .max(10_000_000)
      .default(10_000)
      .describe("Tasks of one key that may wait; those of batches do not count."),
    attempts: z
      .number()
      .int()
      .positive()
      .max(100)
      .default(5)
      .describe("Times a task is begun, when it fails in a way that may pass."),
    first_wait_seconds: seconds.default(5).describe("The first wait before that; it doubles."),
    longest_wait_seconds: seconds.default(600).describe("The longest it becomes."),
    lease_seconds: seconds
      .default(30)
      .describe(
        "A process that has not said so long that it still runs a task is taken for dead, and the task begun anew.",
      ),
    poll_seconds: seconds.default(1).describe("How often the database is looked through for what is due."),
    retention_days: z
      .number()
      .int()
      .positive()
      .max(36_500)
      .default(30)
      .describe("Days a task and what came of it are kept."),
    file_limit_mb: z.number().positive().max(10_240).default(100).describe("Largest file of /v1/files, in MiB."),
    callbacks: z
      .strictObject({
        attempts: z
          .number()
          .int()
          .positive()
          .max(100)
          .default(8)
          .describe("Times a callback is tried; then it is dead until it is asked for again."),
        first_wait_seconds: seconds.default(5).describe("The first wait before that; it doubles."),
        longest_wait_seconds: seconds.default(14_400).describe("The longest it becomes."),
        timeout_seconds: seconds.default(15).describe("How long an answer may take."),
        concurrency: z.number().int().positive().max(1000).default(8).describe("Callbacks on their way at once."),
        allow_addresses: z
          .array(z.string())
          .default([])
          .describe("Private address ranges (CIDR) callbacks may go to all the same, such as 127.0.0.0/8."),
      })
      .prefault({}),
  })
  .prefault({});
