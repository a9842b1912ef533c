import { z } from "zod";
import { adminSchema } from "./admin-schema.ts";
import { alertsSchema } from "./alerts-schema.ts";
import { jobsSchema } from "./jobs-schema.ts";
import { telemetrySchema } from "./telemetry-schema.ts";
import { limitSchema } from "./limits-schema.ts";
import {
  aiSdkProvider,
  cliProvider,
  customProvider,
  httpProvider,
  llamaFileProvider,
  name,
  seconds,
} from "./provider-schema.ts";
import { serviceProvider } from "./service-schema.ts";
import { workerProvider } from "./worker-provider-schema.ts";
import { exchangeProvider, oauthProvider } from "./signed-provider-schema.ts";
import { breakerSchema, cacheSchema, healthSchema, retriesSchema, routeSchema } from "./routing-schema.ts";

const price = z.number().nonnegative();

export const configSchema = z.strictObject({
  server: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default("127.0.0.1")
        .describe("Address to listen on. Anything but a loopback address opens the gateway to the network."),
      port: z.number().int().min(0).max(65_535).default(8317).describe("Port to listen on; 0 lets the system choose."),
      body_limit_mb: z.number().positive().max(1024).default(32).describe("Largest request body, in MiB."),
      cors_origins: z
        .array(z.string().min(1))
        .default([])
        .describe("Browser origins that may call the API; none by default."),
      heartbeat_seconds: z
        .number()
        .nonnegative()
        .max(3600)
        .default(15)
        .describe("Silence on a stream before a sign of life is sent; 0 sends none."),
      drain_seconds: z
        .number()
        .nonnegative()
        .max(3600)
        .default(30)
        .describe("Time running requests get to end when the gateway stops."),
      public_metrics: z.boolean().default(false).describe("Serve /metrics without a key."),
    })
    .prefault({}),
  discover: z
    .boolean()
    .default(true)
    .describe("Use the API keys found in the environment and the model servers running on this machine."),
  providers: z
    .record(
      name,
      z.union([
        aiSdkProvider,
        llamaFileProvider,
        customProvider,
        cliProvider,
        oauthProvider,
        exchangeProvider,
        workerProvider,
        serviceProvider,
        httpProvider,
      ]),
    )
    .default({})
    .describe("Sources of models, by name. The order is the order in which a bare model name is looked for."),
  aliases: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe("Another name for a model: gpt-4: anthropic/claude-sonnet-4-5."),
  routes: z
    .array(routeSchema)
    .max(1000)
    .default([])
    .describe(
      "Which targets answer which model names. A route with a mistake answers with an error; the others go on.",
    ),
  auto_models: z
    .array(z.string().min(1))
    .min(1)
    .default(["*"])
    .describe("Globs of the models auto-fast, auto-cheap and auto-best choose from."),
  retries: retriesSchema,
  breaker: breakerSchema,
  health: healthSchema,
  cache: cacheSchema,
  limits: z
    .array(limitSchema)
    .max(1000)
    .default([])
    .describe("What keys, users, groups, providers and models may use. Of several that match, all hold."),
  jobs: jobsSchema,
  admin: adminSchema,
  alerts: alertsSchema,
  telemetry: telemetrySchema,
  database: z
    .string()
    .optional()
    .describe("A file's path or a postgres:// address. Default: trunkline.db in the home folder."),
  ledger: z
    .strictObject({
      retention_days: z.number().int().positive().max(36_500).default(30).describe("Days a request's row is kept."),
      store_content: z
        .boolean()
        .default(false)
        .describe("Keep what is asked and answered, encrypted, for admins to read. Off, nobody can."),
      statistics_days: z
        .number()
        .int()
        .positive()
        .max(36_500)
        .default(400)
        .describe("Days sums of requests are kept, by the half hour."),
    })
    .prefault({}),
  responses: z
    .strictObject({
      store: z
        .boolean()
        .default(true)
        .describe(
          "Keep Responses answers (encrypted) when the client does not say, as OpenAI does; `store: false` in a request always wins.",
        ),
      retention_days: z
        .number()
        .int()
        .positive()
        .max(36_500)
        .default(30)
        .describe("Days a kept answer can be built on."),
    })
    .prefault({}),
  media: z
    .strictObject({
      max_mb: z.number().positive().max(512).default(20).describe("Largest file fetched for a client, in MiB."),
      timeout_seconds: seconds.default(15).describe("Longest time for one file."),
      allow_addresses: z
        .array(z.string())
        .default([])
        .describe("Private address ranges (CIDR) files may be fetched from all the same."),
    })
    .prefault({}),
  prices: z
    .array(
      z.strictObject({
        provider: name,
        model: z.string().min(1).describe("A glob over the provider's model names."),
        input: price.describe("USD per million input tokens."),
        output: price.describe("USD per million output tokens."),
        cache_read: price.optional().describe("USD per million tokens read from the cache. Default: as input."),
        cache_write: price
          .optional()
          .describe("USD per million tokens written to the cache for 5 minutes. Default: as input."),
        cache_write_1h: price
          .optional()
          .describe("USD per million tokens written to the cache for an hour. Default: as cache_write."),
      }),
    )
    .default([])
    .describe("Your own prices, before the built-in list."),
  log: z
    .strictObject({
      level: z
        .enum(["trace", "debug", "info", "warn", "error", "silent"])
        .default("info")
        .describe("What is written to logs/trunkline.log."),
    })
    .prefault({}),
});

/** A route that could not be read, in its place among the others. */
export type BadRoute = { readonly index: number; readonly pattern: string; readonly problem: string };

export type Config = z.output<typeof configSchema> & { readonly badRoutes?: readonly BadRoute[] };
export type ProviderConfig = Config["providers"][string];
export type CliProviderConfig = z.output<typeof cliProvider>;
/** A provider of a vendor's program with everything at its default. */
export const plainCliProvider = (): CliProviderConfig => cliProvider.parse({ kind: "cli-process" });
export type WorkerProviderConfig = z.output<typeof workerProvider>;
export type ServiceProviderConfig = z.output<typeof serviceProvider>;
export type HttpProviderConfig = z.output<typeof httpProvider>;
export type OAuthProviderConfig = z.output<typeof oauthProvider>;
export type ExchangeProviderConfig = z.output<typeof exchangeProvider>;
