import { logprobsOf } from "../shared/logprobs.ts";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  isObject,
  type AssistantPart,
  type Completion,
  type Finish,
  type JsonObject,
  type TokenLogprob,
} from "@trunkline/contracts";
import { decodeStreamError } from "./errors.ts";
import { decodeCallItem, decodeOutputParts, decodeReasoningItem } from "./items.ts";
import { family } from "./schema.ts";
import { decodeUsage } from "./usage.ts";

/** Throws the upstream's own error when the response's status is `failed`. */
export function decodeResponse(body: JsonObject): Completion {
  if (body["status"] === "failed") throw decodeStreamError(body);
  const content: AssistantPart[] = [];
  const logprobs: TokenLogprob[] = [];
  for (const item of asArray(body["output"]).filter(isObject)) {
    content.push(...decodeOutputItem(item));
    for (const part of asArray(item["content"])) logprobs.push(...logprobsOf(asObject(part)?.["logprobs"]));
  }
  return compact({
    id: asString(body["id"]) ?? "",
    model: asString(body["model"]) ?? "",
    created: asNumber(body["created_at"]) ?? 0,
    choices: [
      { index: 0, content, finish: decodeFinish(body, seenIn(content)), ...(logprobs.length > 0 ? { logprobs } : {}) },
    ],
    usage: decodeUsage(body["usage"]),
    serviceTier: asString(body["service_tier"]),
  }) as Completion;
}

function decodeOutputItem(item: JsonObject): AssistantPart[] {
  switch (item["type"]) {
    case "message":
      return decodeOutputParts(item["content"], "output.content");
    case "reasoning":
      return [decodeReasoningItem(item)];
    case "function_call":
    case "custom_tool_call":
      return [decodeCallItem(item, "output")];
    case "image_generation_call": {
      const data = asString(item["result"]);
      if (data)
        return [
          {
            type: "file",
            mediaType: `image/${asString(item["output_format"]) ?? "png"}`,
            source: { kind: "base64", data },
          },
        ];
      break;
    }
  }
  return [{ type: "native", native: { family, value: item } }];
}

function seenIn(content: readonly AssistantPart[]): { called: boolean; refused: boolean } {
  return {
    called: content.some((part) => part.type === "tool-call"),
    refused: content.some((part) => part.type === "refusal"),
  };
}

/** Responses has a status and a reason for being incomplete, but no finish reason. */
export function decodeFinish(
  response: JsonObject,
  seen: { readonly called: boolean; readonly refused: boolean },
): Finish {
  const reason = asString(asObject(response["incomplete_details"])?.["reason"]);
  if (reason === "max_output_tokens") return { reason: "length", native: reason };
  if (reason === "content_filter") return { reason: "content-filter", native: reason };
  if (reason !== undefined) return { reason: "other", native: reason };
  const native = asString(response["status"]) ?? "completed";
  return { reason: seen.called ? "tool-calls" : seen.refused ? "refusal" : "stop", native };
}
