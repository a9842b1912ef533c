import { driverNames, presetNames, type PresetName } from "@trunkline/providers";
import { z } from "zod";

export const seconds = z.number().positive().max(86_400);
export const name = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, "use letters, digits, '.', '_' and '-'");
export const dialect = z.enum(["openai-chat", "openai-responses", "anthropic-messages", "gemini"]);

const timeouts = z
  .strictObject({
    connect_seconds: seconds.optional().describe("Until the connection stands. Default 10."),
    first_byte_seconds: seconds.optional().describe("Until the answer begins. Default 600."),
    idle_seconds: seconds.optional().describe("Between two pieces of an answer. Default 120."),
    total_seconds: seconds.optional().describe("The whole request. Default 3600."),
  })
  .describe("How long a provider may take.");

export const shared = {
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

/** What every provider that speaks HTTP has. */
export const api = {
  preset: z
    .enum(presetNames as [PresetName, ...PresetName[]])
    .optional()
    .describe("Which vendor's API this is. Default: the entry's own name, if it is a preset's."),
  base_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Replaces the preset's address."),
  headers: z.record(z.string(), z.string()).optional().describe("Sent with every request."),
  dialects: z
    .array(dialect)
    .min(1)
    .optional()
    .describe("Dialects the address speaks, best first. Default: the preset's."),
  timeouts: timeouts.optional(),
};

export const httpProvider = z.strictObject({
  ...shared,
  ...api,
  kind: z.literal("http-api").optional(),
  api_key: z
    .string()
    .optional()
    .describe("Best a reference such as ${OPENAI_API_KEY}. Default: the preset's environment variable."),
});

export const aiSdkProvider = z.strictObject({
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

export const llamaFileProvider = z.strictObject({
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

export const customProvider = z.strictObject({
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

export const cliProvider = z.strictObject({
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
