import {
  asArray,
  asObject,
  asString,
  compact,
  type Completion,
  type Finish,
  type JsonObject,
  lookUp,
} from "@trunkline/contracts";
import { decodeAssistantBlock } from "./blocks.ts";
import { finishReasons } from "./schema.ts";
import { decodeUsage } from "./usage.ts";

export function decodeResponse(body: JsonObject): Completion {
  return compact({
    id: asString(body["id"]) ?? "",
    model: asString(body["model"]) ?? "",
    created: 0,
    choices: [
      {
        index: 0,
        content: asArray(body["content"]).map((block, index) =>
          decodeAssistantBlock(asObject(block) ?? {}, `content.${index}`),
        ),
        finish: decodeFinish(asString(body["stop_reason"]), asString(body["stop_sequence"])),
      },
    ],
    usage: decodeUsage(body["usage"]),
    serviceTier: asString(asObject(body["usage"])?.["service_tier"]),
  }) as Completion;
}

export function decodeFinish(reason: string | undefined, sequence: string | undefined): Finish {
  return compact({
    reason: lookUp(finishReasons, reason) ?? "other",
    native: reason,
    stopSequence: sequence,
  }) as Finish;
}
