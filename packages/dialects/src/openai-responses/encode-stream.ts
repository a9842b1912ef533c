import {
  newId,
  type Finish,
  type JsonObject,
  type StreamEvent,
  type TokenLogprob,
  type Usage,
} from "@trunkline/contracts";
import type { AnswerContext, StreamEncoder } from "../dialect.ts";
import { sseEvent } from "../shared/sse.ts";
import {
  callItem,
  imageItem,
  incompleteReason,
  messageItem,
  reasoningItem,
  responseObject,
  textPart,
} from "./encode-response.ts";
import { errorObject } from "./errors.ts";
import { family } from "./schema.ts";

type OpenText = {
  kind: "text" | "refusal";
  id: string;
  index: number;
  text: string;
  logprobs: TokenLogprob[];
  annotations: JsonObject[];
};
type OpenReasoning = { id: string; index: number; text: string; started: boolean };
type OpenCall = {
  id: string;
  index: number;
  input: string;
  readonly call: Extract<StreamEvent, { type: "tool-input-start" }>;
};

/** Every event carries a `sequence_number`; items are added, filled and done in OpenAI's order, and the last event repeats the whole. */
export function createStreamEncoder(context: AnswerContext): StreamEncoder {
  let sequence = 0;
  let id = newId("resp_");
  let createdAt = Math.floor(context.now / 1000);
  let usage: Usage | undefined;
  let serviceTier: string | undefined;
  let finish: Finish | undefined;
  let started = false;
  const output: JsonObject[] = [];
  const texts = new Map<string, OpenText>();
  const thoughts = new Map<string, OpenReasoning>();
  const calls = new Map<string, OpenCall>();
  let nextIndex = 0;
  let result: JsonObject | undefined;

  function wire(type: string, members: JsonObject): string {
    return sseEvent(type, JSON.stringify({ type, sequence_number: sequence++, ...members }));
  }

  function snapshot(done: Finish | undefined, error?: JsonObject): JsonObject {
    return responseObject(context, {
      id,
      createdAt,
      output,
      finish: done,
      usage: done ? usage : undefined,
      serviceTier,
      ...(error ? { error } : {}),
    });
  }

  function start(): string {
    if (started) return "";
    started = true;
    return (
      wire("response.created", { response: snapshot(undefined) }) +
      wire("response.in_progress", { response: snapshot(undefined) })
    );
  }

  function addItem(item: JsonObject): { text: string; index: number } {
    const index = nextIndex++;
    return { index, text: start() + wire("response.output_item.added", { output_index: index, item }) };
  }

  function doneItem(index: number, item: JsonObject): string {
    output[index] = item;
    return wire("response.output_item.done", { output_index: index, item });
  }

  function whole(item: JsonObject): string {
    const { index, text } = addItem(item);
    return text + doneItem(index, item);
  }

  function openText(kind: OpenText["kind"], blockId: string): { block: OpenText; before: string } {
    const known = texts.get(blockId);
    if (known) return { block: known, before: "" };
    const itemId = newId("msg_");
    const { index, text } = addItem(messageItem(itemId, [], "in_progress"));
    const block: OpenText = { kind, id: itemId, index, text: "", logprobs: [], annotations: [] };
    texts.set(blockId, block);
    const part = kind === "text" ? textPart("") : { type: "refusal", refusal: "" };
    return {
      block,
      before:
        text + wire("response.content_part.added", { item_id: itemId, output_index: index, content_index: 0, part }),
    };
  }

  function closeText(blockId: string): string {
    const block = texts.get(blockId);
    if (!block) return "";
    texts.delete(blockId);
    const place = { item_id: block.id, output_index: block.index, content_index: 0 };
    const part: JsonObject =
      block.kind === "text"
        ? { ...textPart(block.text, undefined, block.logprobs), annotations: block.annotations }
        : { type: "refusal", refusal: block.text };
    const done =
      block.kind === "text"
        ? wire("response.output_text.done", {
            ...place,
            text: block.text,
            logprobs: block.logprobs as unknown as JsonObject[],
          })
        : wire("response.refusal.done", { ...place, refusal: block.text });
    return (
      done +
      wire("response.content_part.done", { ...place, part }) +
      doneItem(block.index, messageItem(block.id, [part], "completed"))
    );
  }

  function openReasoning(blockId: string): { block: OpenReasoning; before: string } {
    const known = thoughts.get(blockId);
    if (known) return { block: known, before: "" };
    const itemId = newId("rs_");
    const { index, text } = addItem(reasoningItem(itemId, "", undefined));
    const block = { id: itemId, index, text: "", started: false };
    thoughts.set(blockId, block);
    return { block, before: text };
  }

  function closeReasoning(blockId: string, native?: Extract<StreamEvent, { type: "reasoning-end" }>["native"]): string {
    const { block, before } = openReasoning(blockId);
    thoughts.delete(blockId);
    const place = { item_id: block.id, output_index: block.index, summary_index: 0 };
    const done = block.started
      ? wire("response.reasoning_summary_text.done", { ...place, text: block.text }) +
        wire("response.reasoning_summary_part.done", { ...place, part: { type: "summary_text", text: block.text } })
      : "";
    // The item keeps the id it was announced with, also when OpenAI's own comes back: clients match by it.
    return before + done + doneItem(block.index, { ...reasoningItem(block.id, block.text, native), id: block.id });
  }

  function closeCall(callId: string): string {
    const open = calls.get(callId);
    if (!open) return "";
    calls.delete(callId);
    const isCustom = open.call.kind === "custom";
    const input = open.input || (isCustom ? "" : "{}");
    const place = { item_id: open.id, output_index: open.index };
    const done = isCustom
      ? wire("response.custom_tool_call_input.done", { ...place, input })
      : wire("response.function_call_arguments.done", { ...place, name: open.call.name, arguments: input });
    return done + doneItem(open.index, callItem(open.id, open.call, input, "completed"));
  }

  function closeAll(): string {
    let text = "";
    for (const blockId of thoughts.keys()) text += closeReasoning(blockId);
    for (const blockId of texts.keys()) text += closeText(blockId);
    for (const callId of calls.keys()) text += closeCall(callId);
    return text;
  }

  function encode(event: StreamEvent): string {
    if ("choice" in event && event.choice > 0) return "";
    switch (event.type) {
      case "start":
        if (event.id.startsWith("resp_")) id = event.id;
        createdAt = event.created || createdAt;
        serviceTier = event.serviceTier;
        return start();
      case "text-delta": {
        const { block, before } = openText("text", event.id);
        block.text += event.text;
        if (event.logprobs) block.logprobs.push(...event.logprobs);
        const logprobs = (event.logprobs ?? []) as unknown as JsonObject[];
        return (
          before +
          wire("response.output_text.delta", {
            item_id: block.id,
            output_index: block.index,
            content_index: 0,
            delta: event.text,
            logprobs,
          })
        );
      }
      case "text-end":
        return closeText(event.id) + (event.native ? whole(reasoningItem(newId("rs_"), "", event.native)) : "");
      case "refusal-delta": {
        const { block, before } = openText("refusal", event.id);
        block.text += event.text;
        return (
          before +
          wire("response.refusal.delta", {
            item_id: block.id,
            output_index: block.index,
            content_index: 0,
            delta: event.text,
          })
        );
      }
      case "source": {
        const block = texts.get(event.id);
        if (!block || event.citation.family !== family) return "";
        const annotation = event.citation.value as JsonObject;
        block.annotations.push(annotation);
        const place = {
          item_id: block.id,
          output_index: block.index,
          content_index: 0,
          annotation_index: block.annotations.length - 1,
        };
        return wire("response.output_text.annotation.added", { ...place, annotation });
      }
      case "reasoning-start":
        return openReasoning(event.id).before;
      case "reasoning-delta": {
        const { block, before } = openReasoning(event.id);
        const place = { item_id: block.id, output_index: block.index, summary_index: 0 };
        const opening = block.started
          ? ""
          : wire("response.reasoning_summary_part.added", { ...place, part: { type: "summary_text", text: "" } });
        block.started = true;
        block.text += event.text;
        return before + opening + wire("response.reasoning_summary_text.delta", { ...place, delta: event.text });
      }
      case "reasoning-end":
        return closeReasoning(event.id, event.native);
      case "tool-input-start": {
        const signature = event.native ? whole(reasoningItem(newId("rs_"), "", event.native)) : "";
        const itemId = newId(event.kind === "custom" ? "ctc_" : "fc_");
        const { index, text } = addItem(callItem(itemId, event, "", "in_progress"));
        calls.set(event.id, { id: itemId, index, input: "", call: event });
        return signature + text;
      }
      case "tool-input-delta": {
        const open = calls.get(event.id);
        if (!open) return "";
        open.input += event.delta;
        const type =
          open.call.kind === "custom"
            ? "response.custom_tool_call_input.delta"
            : "response.function_call_arguments.delta";
        return wire(type, { item_id: open.id, output_index: open.index, delta: event.delta });
      }
      case "tool-input-end":
        return closeCall(event.id);
      case "file":
        return whole(imageItem(newId("ig_"), event.mediaType, event.data));
      case "native":
        return event.native.family === family ? whole(event.native.value as JsonObject) : "";
      case "finish":
        finish = event.finish;
        return "";
      case "usage":
        usage = event.usage;
        return "";
      case "heartbeat":
        return ": keep-alive\n\n";
      case "error": {
        const { message, code, type, param } = errorObject(event.error);
        const word = code ?? type ?? "server_error";
        const failed =
          start() + wire("response.failed", { response: snapshot(undefined, { code: word, message: message ?? "" }) });
        return failed + wire("error", { code: word, message: message ?? "", param: param ?? null });
      }
      case "end": {
        const rest = start() + closeAll();
        const done = finish ?? { reason: "stop" };
        result = snapshot(done);
        return rest + wire(incompleteReason(done) ? "response.incomplete" : "response.completed", { response: result });
      }
      default:
        return "";
    }
  }

  return { contentType: "text/event-stream; charset=utf-8", encode, result: () => result };
}
