import {
  asArray,
  asNumber,
  asObject,
  asString,
  GatewayError,
  isObject,
  parseJsonObject,
  type EmitEvent,
  type JsonObject,
} from "@trunkline/contracts";
import type { StreamDecoder } from "../dialect.ts";
import { decodeFinish, decodeLogprobs } from "./decode-response.ts";
import { decodeError } from "./errors.ts";
import { createCallIds, decodeModelPart, partsOf, type CallIds } from "./parts.ts";
import { decodeUsage } from "./usage.ts";

type ChoiceState = {
  open: "text" | "reasoning" | undefined;
  block: number;
  called: boolean;
  finished: boolean;
  readonly callIds: CallIds;
};

export function createStreamDecoder(): StreamDecoder {
  const choices = new Map<number, ChoiceState>();
  let started = false;
  let ended = false;

  function fail(error: GatewayError, emit: EmitEvent): void {
    ended = true;
    emit({ type: "error", error });
  }

  function closeBlock(choice: number, state: ChoiceState, emit: EmitEvent): void {
    if (state.open) emit({ type: `${state.open}-end`, choice, id: `${choice}-${state.block}` });
    state.open = undefined;
  }

  function part(
    choice: number,
    state: ChoiceState,
    value: JsonObject,
    logprobs: ReturnType<typeof decodeLogprobs>,
    emit: EmitEvent,
  ): void {
    for (const decoded of decodeModelPart(value, state.callIds)) {
      if (decoded.type === "text" || decoded.type === "reasoning") {
        if (state.open !== decoded.type) {
          closeBlock(choice, state, emit);
          state.open = decoded.type;
          state.block++;
          emit({ type: `${decoded.type}-start`, choice, id: `${choice}-${state.block}` });
        }
        const id = `${choice}-${state.block}`;
        if (decoded.type === "reasoning") {
          if (decoded.text !== "") emit({ type: "reasoning-delta", choice, id, text: decoded.text });
        } else
          emit({ type: "text-delta", choice, id, text: decoded.text, ...(logprobs.length > 0 ? { logprobs } : {}) });
        if (!decoded.native) continue;
        // A signature seals its block.
        emit({ type: `${decoded.type}-end`, choice, id, native: decoded.native });
        state.open = undefined;
        continue;
      }
      closeBlock(choice, state, emit);
      state.block++;
      if (decoded.type === "tool-call") {
        state.called = true;
        const { id, name, native } = decoded;
        emit({ type: "tool-input-start", choice, id, name, kind: "function", ...(native ? { native } : {}) });
        emit({ type: "tool-input-delta", choice, id, delta: decoded.input });
        emit({ type: "tool-input-end", choice, id });
      } else if (decoded.type === "file" && decoded.source.kind === "base64") {
        emit({
          type: "file",
          choice,
          id: `${choice}-${state.block}`,
          mediaType: decoded.mediaType,
          data: decoded.source.data,
        });
      } else if (decoded.type === "native")
        emit({ type: "native", choice, id: `${choice}-${state.block}`, native: decoded.native });
    }
  }

  function candidate(value: JsonObject, emit: EmitEvent): void {
    const choice = asNumber(value["index"]) ?? 0;
    let state = choices.get(choice);
    if (!state)
      choices.set(
        choice,
        (state = { open: undefined, block: 0, called: false, finished: false, callIds: createCallIds() }),
      );
    const logprobs = decodeLogprobs(value["logprobsResult"]);
    for (const item of partsOf(value)) part(choice, state, item, logprobs, emit);
    const reason = asString(value["finishReason"]);
    if (reason === undefined || state.finished) return;
    state.finished = true;
    closeBlock(choice, state, emit);
    emit({ type: "finish", choice, finish: decodeFinish(reason, state.called) });
  }

  return {
    event(_name, data, emit) {
      if (ended) return;
      const chunk = parseJsonObject(data);
      if (!chunk)
        return fail(
          new GatewayError("upstream_bad_response", "The provider's stream held a chunk that is not JSON."),
          emit,
        );
      const error = asObject(chunk["error"]);
      if (error)
        return fail(decodeError({ status: asNumber(error["code"]) ?? 500, retryAfterMs: undefined, body: data }), emit);
      const usage = decodeUsage(chunk["usageMetadata"]);
      if (!started) {
        started = true;
        emit({
          type: "start",
          id: asString(chunk["responseId"]) ?? "",
          model: asString(chunk["modelVersion"]) ?? "",
          created: 0,
          ...(usage ? { usage } : {}),
        });
      }
      try {
        for (const value of asArray(chunk["candidates"])) if (isObject(value)) candidate(value, emit);
      } catch (unreadable) {
        const reason = unreadable instanceof Error ? unreadable.message : "";
        return fail(
          new GatewayError("upstream_bad_response", `The provider's stream held an unreadable part. ${reason}`),
          emit,
        );
      }
      const blocked = asString(asObject(chunk["promptFeedback"])?.["blockReason"]);
      if (blocked !== undefined && choices.size === 0) {
        choices.set(0, { open: undefined, block: 0, called: false, finished: true, callIds: createCallIds() });
        emit({ type: "finish", choice: 0, finish: { reason: "content-filter", native: blocked } });
      }
      if (usage) emit({ type: "usage", usage });
    },
    close(emit) {
      if (ended) return;
      // Google's stream has no terminal event of its own: a finish reason for every candidate is it.
      if (choices.size > 0 && [...choices.values()].every((state) => state.finished)) {
        ended = true;
        emit({ type: "end" });
      } else
        fail(new GatewayError("upstream_ended_early", "The provider's stream ended before it was finished."), emit);
    },
  };
}
