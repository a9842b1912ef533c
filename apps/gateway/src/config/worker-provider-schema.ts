import { z } from "zod";
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
});
