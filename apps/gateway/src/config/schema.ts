import { driverNames, presetNames, type PresetName } from "@trunkline/providers";
import { z } from "zod";
import { limitSchema } from "./limits-schema.ts";
import { breakerSchema, cacheSchema, healthSchema, retriesSchema, routeSchema } from "./routing-schema.ts";

const seconds = z.number().positive().max(86_400);
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, "use letters, digits, '.', '_' and '-'");
const dialect = z.enum(["openai-chat", "openai-responses", "anthropic-messages", "gemini"]);

const timeouts = z
  .strictObject({
    connect_seconds: seconds.optional().describe("Until the connection stands. Default 10."),
    first_byte_seconds: seconds.optional().describe("Until the answer begins. Default 600."),
    idle_seconds: seconds.optional().describe("Between two pieces of an answer. Default 120."),
    total_seconds: seconds.optional().describe("The whole request. Default 3600."),
  })
  .describe("How long a provider may take.");

const shared = {
  enabled: z.boolean().default(true).describe("Off keeps the entry without using it."),
  models: z
    .array(z.string().min(1))
    .optional()
    .describe("Model names; without them the provider is asked for its list."),
  redaction: z
    .enum(["on", "off", "report"])
    .optional()
    .describe(
      "Credentials in answers: replaced, let through, or let through and told of in log and metrics. Default: on for vendors' programs, which run on this machine, off for all others. Anything but off decodes answers that would otherwise pass as bytes.",
    ),
};

const httpProvider = z.strictObject({
  ...shared,
  kind: z.literal("http-api").optional(),
  preset: z
    .enum(presetNames as [PresetName, ...PresetName[]])
    .optional()
    .describe("Which vendor's API this is. Default: the entry's own name, if it is a preset's."),
  base_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Replaces the preset's address."),
  api_key: z
    .string()
    .optional()
    .describe("Best a reference such as ${OPENAI_API_KEY}. Default: the preset's environment variable."),
  headers: z.record(z.string(), z.string()).optional().describe("Sent with every request."),
  dialects: z
    .array(dialect)
    .min(1)
    .optional()
    .describe("Dialects the address speaks, best first. Default: the preset's."),
  timeouts: timeouts.optional(),
});

const aiSdkProvider = z.strictObject({
  ...shared,
  kind: z.literal("ai-sdk"),
  package: z
    .string()
    .min(1)
    .describe("An AI SDK provider package, such as @ai-sdk/amazon-bedrock. Install it with `trunkline modules add`."),
  factory: z
    .string()
    .optional()
    .describe("The export that makes the provider. Default: the only export named create…."),
  options: z.record(z.string(), z.unknown()).default({}).describe("Handed to the factory as they are."),
  family: z.string().optional().describe("Model family for thinking signatures and prices. Default: the entry's name."),
});

const llamaFileProvider = z.strictObject({
  ...shared,
  kind: z.literal("llama-file"),
  path: z.string().min(1).describe("A GGUF file on this machine."),
  context_size: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("Tokens of context. Default: as the file says, at most 8192."),
  threads: z.number().int().positive().optional().describe("Processor threads. Default: as node-llama-cpp chooses."),
});

const customProvider = z.strictObject({
  ...shared,
  kind: z.literal("custom"),
  path: z
    .string()
    .min(1)
    .describe(
      "A JavaScript or TypeScript module of your own; relative to the home folder. See docs/guides/custom-providers.md.",
    ),
  options: z.record(z.string(), z.unknown()).default({}).describe("Handed to the module as they are."),
});

const account = z.strictObject({
  name: name.describe("What it is called here."),
  home: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Home folder the program finds its log-in in. Default: one of the account's own, made by `trunkline accounts add`.",
    ),
  env: z.record(z.string(), z.string()).default({}).describe("Set for the program, such as CLAUDE_CODE_OAUTH_TOKEN."),
  args: z.array(z.string()).default([]).describe("Put behind the program's arguments."),
  plan_limits_only: z.boolean().default(false).describe("Refuse rather than use what is billed beyond the plan."),
});

const path = z.string().min(1);

const program = z
  .strictObject({
    args: z
      .array(z.string())
      .default([])
      .describe("Its arguments. {model}, {effort}, {system_file}, {prompt_file} and {schema_file} are replaced."),
    input: z
      .enum(["text", "json"])
      .default("text")
      .describe('What it reads on standard input: the prompt, or one line {"model", "system", "prompt"}.'),
    output: z
      .enum(["text", "ndjson", "acp"])
      .describe("What it writes: the answer, events one a line, or the Agent Client Protocol."),
    events: z
      .array(
        z.strictObject({
          when: z
            .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
            .default({})
            .describe("Paths and the values they must have: type: message."),
          text: path.optional().describe("Path of a piece of the answer."),
          reasoning: path.optional().describe("Path of a piece of the model's thoughts."),
          error: path.optional().describe("Path of a failure's message."),
          input_tokens: path.optional().describe("Path of the number of input tokens."),
          output_tokens: path.optional().describe("Path of the number of output tokens."),
          cached_tokens: path.optional().describe("Path of the number of input tokens read from a cache."),
          end: z.boolean().optional().describe("The answer is complete."),
        }),
      )
      .default([])
      .describe("For ndjson: what its events mean."),
    login: z.array(z.string()).default([]).describe("Arguments of its log-in."),
    family: z.string().min(1).default("other").describe("Whose models they are, for prices."),
  })
  .describe("A program nobody wrote a driver for.");

const cliProvider = z.strictObject({
  ...shared,
  kind: z.literal("cli-process"),
  driver: z
    .enum([...driverNames, "command"])
    .optional()
    .describe(
      "Which vendor's program, or `command` for one described by `program`. Default: the entry's own name, if it is one's.",
    ),
  program: program.optional(),
  command: z.string().min(1).optional().describe("The program's path. Default: the driver's name for it, on the PATH."),
  accounts: z
    .array(account)
    .default([])
    .describe(
      "Log-ins, besides those made by `trunkline accounts add`. Which one answers is chosen by what is left of its plan.",
    ),
  concurrency: z.number().int().positive().max(256).default(2).describe("Requests answered at once."),
  queue: z.number().int().nonnegative().max(10_000).default(10).describe("Requests that may wait for a place."),
  queue_wait_seconds: seconds.default(60).describe("Longest time a request waits for a place."),
  timeout_seconds: seconds.default(120).describe("Longest time for one answer."),
  warm: z
    .number()
    .int()
    .nonnegative()
    .max(16)
    .default(1)
    .describe("Processes an account keeps started for the next request; 0 starts each when it is needed."),
  keep_seconds: seconds.default(300).describe("Time a process waits for the next turn of its conversation."),
  session_ttl_seconds: seconds.default(3600).describe("Time a session may lie unused."),
  session_max_age_seconds: z
    .number()
    .positive()
    .max(31_536_000)
    .default(86_400)
    .describe("Time a session lives at all."),
  fallback: z
    .string()
    .min(1)
    .optional()
    .describe("Another provider, or `provider/model`, that answers what this one cannot."),
});

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
    .record(name, z.union([aiSdkProvider, llamaFileProvider, customProvider, cliProvider, httpProvider]))
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
  database: z
    .string()
    .optional()
    .describe("A file's path or a postgres:// address. Default: trunkline.db in the home folder."),
  ledger: z
    .strictObject({
      retention_days: z.number().int().positive().max(36_500).default(30).describe("Days a request's row is kept."),
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
export type HttpProviderConfig = z.output<typeof httpProvider>;
