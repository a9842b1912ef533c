import { logprobsOf } from "../shared/logprobs.ts";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  GatewayError,
  newId,
  parseJson,
  parseJsonObject,
  type EmitEvent,
  type JsonObject,
  type TokenLogprob,
} from "@trunkline/contracts";
import type { StreamDecoder } from "../dialect.ts";
import { unwrapNative } from "../shared/native.ts";
import { decodeFinish } from "./decode-response.ts";
import { decodeError } from "./errors.ts";
import { decodeReasoning } from "./reasoning.ts";
import { signatureSlot } from "./schema.ts";
import { decodeUsage } from "./usage.ts";

type Call = { readonly id: string; readonly custom: boolean; input: string; ended: boolean };

type ChoiceState = {
  text: boolean;
  reasoning: boolean;
  refused: boolean;
  /** Calls by the upstream's index. */
  readonly calls: Map<number, Call>;
  finish: string | undefined;
  finished: boolean;
};

export function createStreamDecoder(): StreamDecoder {
  const choices = new Map<number, ChoiceState>();
  let started = false;
  let done = false;
  let failed = false;

  function stateOf(index: number): ChoiceState {
    let state = choices.get(index);
    if (!state)
      choices.set(
        index,
        (state = {
          text: false,
          reasoning: false,
          refused: false,
          calls: new Map(),
          finish: undefined,
          finished: false,
        }),
      );
    return state;
  }

  function closeReasoning(choice: number, state: ChoiceState, emit: EmitEvent): void {
    if (!state.reasoning) return;
    state.reasoning = false;
    emit({ type: "reasoning-end", choice, id: `reasoning-${choice}` });
  }

  function delta(
    choice: number,
    delta: JsonObject,
    logprobs: readonly TokenLogprob[],
    state: ChoiceState,
    emit: EmitEvent,
  ): void {
    for (const part of decodeReasoning(delta)) {
      const id = `reasoning-${choice}`;
      if (!state.reasoning) emit({ type: "reasoning-start", choice, id });
      state.reasoning = true;
      if (part.text !== "") emit({ type: "reasoning-delta", choice, id, text: part.text });
      if (part.native) {
        state.reasoning = false;
        emit({ type: "reasoning-end", choice, id, native: part.native, ...(part.redacted ? { redacted: true } : {}) });
      }
    }
    const text = asString(delta["content"]);
    if (text || logprobs.length > 0) {
      closeReasoning(choice, state, emit);
      const id = `text-${choice}`;
      if (!state.text) emit({ type: "text-start", choice, id });
      state.text = true;
      emit({ type: "text-delta", choice, id, text: text ?? "", ...(logprobs.length > 0 ? { logprobs } : {}) });
    }
    const refusal = asString(delta["refusal"]);
    if (refusal) {
      state.refused = true;
      emit({ type: "refusal-delta", choice, id: `refusal-${choice}`, text: refusal });
    }
    for (const [position, value] of asArray(delta["tool_calls"]).entries())
      toolCall(choice, asObject(value) ?? {}, position, state, emit);
  }

  function toolCall(choice: number, call: JsonObject, position: number, state: ChoiceState, emit: EmitEvent): void {
    closeReasoning(choice, state, emit);
    const index = asNumber(call["index"]) ?? position;
    const custom = asObject(call["custom"]);
    const details = custom ?? asObject(call["function"]) ?? {};
    let open = state.calls.get(index);
    const givenId = asString(call["id"]);
    // A new id under a used index is another call: some upstreams never count up.
    if (!open || (givenId && givenId !== open.id && asString(details["name"]))) {
      if (open) endCall(choice, open, emit);
      // Calls come one after the other, except from upstreams that interleave them: one whose input is whole has ended.
      for (const other of state.calls.values())
        if (other.custom || parseJson(other.input) !== undefined) endCall(choice, other, emit);
      open = { id: givenId || newId("call_"), custom: custom !== undefined, input: "", ended: false };
      state.calls.set(index, open);
      const signature = asString(asObject(asObject(call[signatureSlot])?.["google"])?.["thought_signature"]);
      emit({
        type: "tool-input-start",
        choice,
        id: open.id,
        name: asString(details["name"]) ?? "",
        kind: custom ? "custom" : "function",
        ...(signature === undefined ? {} : { native: unwrapNative(signature, "gemini") }),
      });
    }
    const input = asString(custom ? details["input"] : details["arguments"]);
    if (!input || open.ended) return;
    open.input += input;
    emit({ type: "tool-input-delta", choice, id: open.id, delta: input });
  }

  function endCall(choice: number, call: Call, emit: EmitEvent): void {
    if (call.ended) return;
    call.ended = true;
    emit({ type: "tool-input-end", choice, id: call.id });
  }

  function finish(choice: number, state: ChoiceState, emit: EmitEvent): void {
    if (state.finished) return;
    state.finished = true;
    closeReasoning(choice, state, emit);
    if (state.text) emit({ type: "text-end", choice, id: `text-${choice}` });
    for (const call of state.calls.values()) endCall(choice, call, emit);
    emit({
      type: "finish",
      choice,
      finish: decodeFinish(state.finish, { called: state.calls.size > 0, refused: state.refused }),
    });
  }

  return {
    event(_name, data, emit) {
      if (done || failed) return;
      if (data === "[DONE]") {
        if (choices.size === 0) {
          failed = true;
          emit({
            type: "error",
            error: new GatewayError("upstream_ended_early", "The provider's stream ended before it had begun."),
          });
          return;
        }
        done = true;
        for (const [index, state] of choices) finish(index, state, emit);
        emit({ type: "end" });
        return;
      }
      const chunk = parseJsonObject(data);
      if (!chunk) {
        failed = true;
        emit({
          type: "error",
          error: new GatewayError("upstream_bad_response", "The provider's stream held a chunk that is not JSON."),
        });
        return;
      }
      if (chunk["error"] !== undefined && chunk["error"] !== null) {
        failed = true;
        const status = asNumber(asObject(chunk["error"])?.["code"]) ?? asNumber(chunk["status_code"]) ?? 500;
        emit({ type: "error", error: decodeError({ status, retryAfterMs: undefined, body: data }) });
        return;
      }
      if (!started) {
        started = true;
        const tier = asString(chunk["service_tier"]);
        const fingerprint = asString(chunk["system_fingerprint"]);
        emit({
          type: "start",
          id: asString(chunk["id"]) ?? "",
          model: asString(chunk["model"]) ?? "",
          created: asNumber(chunk["created"]) ?? 0,
          ...(tier === undefined ? {} : { serviceTier: tier }),
          ...(fingerprint === undefined ? {} : { systemFingerprint: fingerprint }),
        });
      }
      for (const value of asArray(chunk["choices"])) {
        const choice = asObject(value) ?? {};
        const index = Math.max(0, asNumber(choice["index"]) ?? 0);
        const state = stateOf(index);
        if (state.finished) continue;
        const logprobs = logprobsOf(asObject(choice["logprobs"])?.["content"]);
        delta(index, asObject(choice["delta"]) ?? {}, logprobs, state, emit);
        const reason = asString(choice["finish_reason"]);
        if (reason) {
          state.finish = reason;
          finish(index, state, emit);
        }
      }
      const usage = decodeUsage(chunk["usage"]) ?? decodeUsage(asObject(chunk["x_groq"])?.["usage"]);
      if (usage) emit({ type: "usage", usage });
    },
    close(emit) {
      if (done || failed) return;
      done = true;
      // Not every compatible server sends [DONE]; a finish reason for each choice is as good.
      const complete = choices.size > 0 && [...choices.values()].every((state) => state.finished);
      if (complete) emit({ type: "end" });
      else
        emit({
          type: "error",
          error: new GatewayError("upstream_ended_early", "The provider's stream ended before it was finished."),
        });
    },
  };
}
