import { z } from "zod";
import { api, seconds, shared } from "./provider-schema.ts";

export const restartSchema = z
  .strictObject({
    policy: z
      .enum(["always", "on-failure", "never"])
      .default("always")
      .describe("Whether it is started again when it has ended."),
    first_wait_seconds: seconds.default(1).describe("The first wait before that; it doubles."),
    longest_wait_seconds: seconds.default(60).describe("The longest it becomes."),
    calm_seconds: seconds.default(60).describe("After so long without a failure the next wait is the first again."),
  })
  .prefault({});

export const logLimits = {
  log_mb: z
    .number()
    .positive()
    .max(10_000)
    .default(10)
    .describe("Size of logs/services/NAME.log, in MiB; one older file is kept beside it."),
  log_flood_mb_per_minute: z
    .number()
    .positive()
    .max(100_000)
    .default(60)
    .describe("Output, in MiB a minute, at which it is taken for broken and started again."),
};

const { base_url: _baseUrl, ...apiOfService } = api;

export const serviceProvider = z.strictObject({
  ...shared,
  ...apiOfService,
  kind: z.literal("http-service"),
  enabled: z.boolean().default(false).describe("Off unless switched on: it starts a program."),
  command: z
    .array(z.string())
    .min(1)
    .describe("The program and its arguments; {port} is replaced by its port, which it also finds in PORT."),
  cwd: z.string().min(1).optional().describe("The folder it works in, from the home folder on. Default: that folder."),
  env: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      "Added to its environment, which holds nothing else of the gateway's but PATH, HOME, language and proxies.",
    ),
  port: z
    .union([z.literal("auto"), z.number().int().min(1).max(65_535)])
    .default("auto")
    .describe("Where it listens on 127.0.0.1; auto finds a free port at every start."),
  path: z
    .string()
    .regex(/^(?:\/[^?#\s]*)?$/, "a path such as /v1")
    .default("/v1")
    .describe("What stands before every request's path."),
  health: z
    .strictObject({
      path: z.string().startsWith("/").default("/health").describe("Asked by GET; anything below 400 is well."),
      interval_seconds: seconds.default(10).describe("How often."),
      timeout_seconds: seconds.default(5).describe("How long it may take."),
      start_seconds: seconds.default(60).describe("It must have answered once within this time of its start."),
      max_failures: z
        .number()
        .int()
        .positive()
        .max(1000)
        .default(3)
        .describe("Failures in a row, then it is started again."),
    })
    .prefault({}),
  restart: restartSchema,
  stop_seconds: seconds.default(10).describe("Time between TERM and KILL when it is stopped."),
  wait_seconds: seconds.default(30).describe("Longest time a request waits for it to be up."),
  ...logLimits,
});
