import { z } from "zod";
import { logLimits, restartSchema } from "./service-schema.ts";
import { api, name, seconds, shared } from "./provider-schema.ts";

export const workerProvider = z.strictObject({
  ...shared,
  ...api,
  kind: z.literal("browser-worker"),
  base_url: api.base_url.describe(
    "Its path stands before every request's; the rest is the worker's own. Default: the preset's.",
  ),
  worker: name.optional().describe("The name workers connect under. Default: the entry's own."),
  wait_seconds: seconds.default(10).describe("Longest time a request waits for a worker with room."),
  queue: z.number().int().nonnegative().max(10_000).default(100).describe("Requests that may wait."),
  launch: z
    .strictObject({
      origin: z.url({ protocol: /^https?$/ }).describe("The page that requests are made from."),
      profiles: z
        .array(z.string().min(1))
        .min(1)
        .max(16)
        .default(["main"])
        .describe(
          "Folders of browsers' profiles, one an account, in workers/NAME of the home folder unless absolute. A browser each.",
        ),
      target: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe("Where requests go. Default: the page's own origin."),
      signed_in_cookie: z.string().min(1).optional().describe("A cookie that is there while somebody is signed in."),
      browser: z.string().min(1).optional().describe("The browser. Default: Chromium or Chrome on the path."),
      capacity: z.number().int().min(1).max(1000).default(8).describe("Requests each makes at once."),
      restart: restartSchema,
      ...logLimits,
    })
    .optional()
    .describe(
      "Workers with a browser that the gateway starts itself. Sign in first: `trunkline worker browser --sign-in`.",
    ),
});
