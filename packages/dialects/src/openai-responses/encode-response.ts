import {
  compact,
  isObject,
  newId,
  type AssistantPart,
  type Completion,
  type Finish,
  type JsonObject,
  type Native,
  type TokenLogprob,
  type Usage,
} from "@trunkline/contracts";
import type { AnswerContext } from "../dialect.ts";
import { wrapNative } from "../shared/native.ts";
import { echoedMembers, family } from "./schema.ts";
import { encodeUsage } from "./usage.ts";

export function encodeResponse(completion: Completion, context: AnswerContext): JsonObject {
  const choice = completion.choices[0];
  const output: JsonObject[] = [];
  for (const part of choice?.content ?? []) addItem(output, part);
  if (choice?.logprobs) attachLogprobs(output, choice.logprobs);
  return responseObject(context, {
    id: completion.id.startsWith("resp_") ? completion.id : newId("resp_"),
    createdAt: completion.created || Math.floor(context.now / 1000),
    output,
    finish: choice?.finish,
    usage: completion.usage,
    serviceTier: completion.serviceTier,
  });
}

export type ResponseState = {
  readonly id: string;
  readonly createdAt: number;
  readonly output: readonly JsonObject[];
  /** Undefined while the response is still being made. */
  readonly finish: Finish | undefined;
  readonly usage: Usage | undefined;
  readonly serviceTier: string | undefined;
  readonly error?: JsonObject;
};

/** The response object, whole or as far as it has come. */
export function responseObject(context: AnswerContext, state: ResponseState): JsonObject {
  const echoed = Object.fromEntries(
    Object.entries(echoedMembers).map(([name, fallback]) => [name, context.echo[name] ?? fallback]),
  );
  const incomplete = incompleteReason(state.finish);
  const status = state.error ? "failed" : !state.finish ? "in_progress" : incomplete ? "incomplete" : "completed";
  return {
    id: state.id,
    object: "response",
    created_at: state.createdAt,
    status,
    background: false,
    error: state.error ?? null,
    incomplete_details: incomplete ? { reason: incomplete } : null,
    model: context.model,
    output: [...state.output],
    ...echoed,
    service_tier: state.serviceTier ?? "default",
    usage: state.usage ? encodeUsage(state.usage) : null,
  };
}

export function incompleteReason(finish: Finish | undefined): string | undefined {
  switch (finish?.reason) {
    case "length":
    case "context-length":
      return "max_output_tokens";
    case "content-filter":
      return "content_filter";
    case "pause":
      return "pause_turn";
    default:
      return undefined;
  }
}

/** A reasoning item. OpenAI's own goes back as it came; another family's signature is wrapped in the encrypted slot. */
export function reasoningItem(id: string, text: string, native: Native | undefined): JsonObject {
  const own = native?.family === family && isObject(native.value) ? native.value : undefined;
  return compact({
    id: typeof own?.["id"] === "string" ? own["id"] : id,
    type: "reasoning",
    summary: text === "" ? [] : [{ type: "summary_text", text }],
    encrypted_content: own ? own["encrypted_content"] : native ? wrapNative(native, family) : undefined,
  });
}

export function callItem(
  id: string,
  call: { id: string; name: string; namespace?: string; kind: string },
  input: string,
  status: string,
): JsonObject {
  if (call.kind === "custom") return { id, type: "custom_tool_call", status, call_id: call.id, name: call.name, input };
  return compact({
    id,
    type: "function_call",
    status,
    call_id: call.id,
    name: call.name,
    namespace: call.namespace,
    arguments: input,
  });
}

export function messageItem(id: string, content: JsonObject[], status: string): JsonObject {
  return { id, type: "message", status, role: "assistant", content };
}

export function textPart(text: string, citations?: Native, logprobs: readonly TokenLogprob[] = []): JsonObject {
  return {
    type: "output_text",
    text,
    annotations: citations?.family === family ? citations.value : [],
    logprobs: logprobs as unknown as JsonObject[],
  };
}

export function imageItem(id: string, mediaType: string, data: string): JsonObject {
  return {
    id,
    type: "image_generation_call",
    status: "completed",
    output_format: mediaType.replace("image/", ""),
    result: data,
  };
}

function addItem(output: JsonObject[], part: AssistantPart): void {
  switch (part.type) {
    case "text":
    case "refusal": {
      const content =
        part.type === "text" ? textPart(part.text, part.citations) : { type: "refusal", refusal: part.text };
      const last = output.at(-1);
      if (last?.["type"] === "message") (last["content"] as JsonObject[]).push(content);
      else output.push(messageItem(newId("msg_"), [content], "completed"));
      if (part.type === "text" && part.native) output.push(reasoningItem(newId("rs_"), "", part.native));
      return;
    }
    case "reasoning":
      output.push(reasoningItem(newId("rs_"), part.text, part.native));
      return;
    case "tool-call":
      // A signature on a call (Gemini's) has no slot of its own and goes before it.
      if (part.native) output.push(reasoningItem(newId("rs_"), "", part.native));
      output.push(
        callItem(
          newId(part.kind === "custom" ? "ctc_" : "fc_"),
          part,
          part.input || (part.kind === "custom" ? "" : "{}"),
          "completed",
        ),
      );
      return;
    case "file":
      if (part.source.kind === "base64") output.push(imageItem(newId("ig_"), part.mediaType, part.source.data));
      return;
    case "native":
      if (part.native.family === family) output.push(part.native.value as JsonObject);
  }
}

function attachLogprobs(output: JsonObject[], logprobs: readonly TokenLogprob[]): void {
  for (const item of output) {
    if (item["type"] !== "message") continue;
    const content = (item["content"] as JsonObject[])[0];
    if (content?.["type"] === "output_text") content["logprobs"] = logprobs as unknown as JsonObject[];
    return;
  }
}
