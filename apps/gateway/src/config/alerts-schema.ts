import { z } from "zod";
import { seconds } from "./provider-schema.ts";

export const alertsSchema = z
  .strictObject({
    check_seconds: seconds.default(15).describe("How often it is looked whether there is something to tell."),
    timeout_seconds: seconds.default(10).describe("Longest time for one message."),
    attempts: z.number().int().positive().max(10).default(3).describe("Times a message is sent that does not arrive."),
  })
  .prefault({});
