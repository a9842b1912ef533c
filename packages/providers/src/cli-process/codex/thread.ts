import {
  asArray,
  asObject,
  asString,
  GatewayError,
  type EmitEvent,
  type JsonObject,
  type QuotaWindow,
  type Usage,
} from "@trunkline/contracts";
import { answersCalls } from "../conversation/answers-calls.ts";
import { dialects, restoreToolEvents } from "@trunkline/dialects";
import type { Seat, Thread, Turn, TurnSink } from "../driver.ts";
import type { Reply } from "../process/json-rpc.ts";
import type { RpcServer } from "../process/rpc-server.ts";
import { encodeConversation, encodeNewTurn, type EncodedConversation } from "./encode-turn.ts";
import { failureOfCall, failureOfTurn, title } from "./failures.ts";
import { usageOfCounts } from "./usage.ts";

type Running = {
  readonly sink: TurnSink;
  readonly emit: EmitEvent;
  usage: Usage | undefined;
  /** It has failed, and is asked for when its account can be used again. */
  asksWhen: boolean;
};

export type ThreadOptions = {
  readonly seat: Seat;
  readonly model: string;
  readonly server: RpcServer;
  readonly threadId: string;
  readonly keeps: boolean;
  /** The program remembers the conversation up to its newest turn. */
  readonly resumed: boolean;
  /** The account's windows, as far as it has told. */
  readonly quota: () => readonly QuotaWindow[];
  readonly readQuota: () => Promise<unknown>;
};

/** Milliseconds without a further call after which a resumed thread's model has said all of them. */
const quietMs = 300;
/** Milliseconds the program gets to tell when a window that is used up resets. */
const quotaMs = 3000;
/** Milliseconds an interrupted turn gets to end before its whole server is ended. */
const interruptMs = 5000;

export function createThread(options: ThreadOptions): Thread {
  const { seat, model, server, threadId } = options;
  const { rpc } = server;
  let running: Running | undefined;
  let turnId: string | undefined;
  let started = false;
  let usable = true;
  let turnEnded: (() => void) | undefined;
  /** Calls the program waits for the results of, by the model's id of the call. */
  const waiting = new Map<string, Reply>();
  const results = new Map<string, JsonObject>();
  /** Calls the last answer stopped at. The program asks for the last one's result only after its answer is complete. */
  let calls: string[] = [];
  let sawRaw = false;
  let quiet: NodeJS.Timeout | undefined;
  /** Ends once the program has taken the turn, and has told its name. */
  let asking: Promise<void> = Promise.resolve();

  const detach = server.attach(threadId, {
    notification: onNotification,
    request(method, parameters, reply) {
      const callId = asString(parameters["callId"]) ?? "";
      if (method !== "item/tool/call") return reply.error(-32601, "Not supported here.");
      const result = results.get(callId);
      results.delete(callId);
      if (result) return reply.result(result);
      waiting.set(callId, reply);
      if (options.resumed) onCallOfResumed(callId, parameters);
    },
    end: (error) => {
      usable = false;
      fail(error);
      turnEnded?.();
    },
  });

  function fail(error: GatewayError): void {
    const turn = running;
    running = undefined;
    usable = false;
    turn?.sink.fail(error);
  }

  function finish(reason: "stop" | "tool-calls", native: string): void {
    const turn = running!;
    running = undefined;
    turn.emit({ type: "finish", choice: 0, finish: { reason, native } });
    if (turn.usage) turn.emit({ type: "usage", usage: turn.usage });
    turn.emit({ type: "end" });
    turn.sink.done();
  }

  function onNotification(method: string, parameters: JsonObject): void {
    if (method === "turn/started") turnId = asString(asObject(parameters["turn"])?.["id"]);
    if (method === "turn/completed") return onTurnCompleted(asObject(parameters["turn"]) ?? {});
    const turn = running;
    if (!turn || (turnId !== undefined && parameters["turnId"] !== undefined && parameters["turnId"] !== turnId))
      return;
    const item = asObject(parameters["item"]) ?? {};
    const id = asString(parameters["itemId"]) ?? asString(item["id"]) ?? "";
    switch (method) {
      case "item/started":
        if (item["type"] === "agentMessage") turn.emit({ type: "text-start", choice: 0, id });
        else if (item["type"] === "reasoning") turn.emit({ type: "reasoning-start", choice: 0, id });
        return;
      case "item/agentMessage/delta":
        return turn.emit({ type: "text-delta", choice: 0, id, text: asString(parameters["delta"]) ?? "" });
      case "item/reasoning/summaryTextDelta":
      case "item/reasoning/textDelta":
        return turn.emit({ type: "reasoning-delta", choice: 0, id, text: asString(parameters["delta"]) ?? "" });
      case "item/completed":
        if (item["type"] === "agentMessage") turn.emit({ type: "text-end", choice: 0, id });
        return;
      case "rawResponseItem/completed":
        return onRawItem(turn, item, id);
      case "rawResponse/completed":
        sawRaw = true;
        turn.usage = usageOfCounts(asObject(parameters["usage"]) ?? {}, turn.usage);
        // The calls that came with it are for the client, who comes back with their results or does not.
        if (calls.length > 0) finish("tool-calls", "tool_calls");
        return;
      case "thread/tokenUsage/updated":
        if (!sawRaw)
          turn.usage = usageOfCounts(asObject(asObject(parameters["tokenUsage"])?.["last"]) ?? {}, turn.usage);
        return;
      case "error":
        return onError(turn, parameters);
    }
  }

  function onRawItem({ emit }: Running, item: JsonObject, id: string): void {
    if (item["type"] === "reasoning") {
      // Read by the dialect, which knows what of it must be handed back.
      const whole = dialects["openai-responses"].decodeResponse({ output: [item], status: "completed" });
      const part = whole.choices[0]?.content[0];
      const native = part?.type === "reasoning" ? part.native : undefined;
      emit({ type: "reasoning-end", choice: 0, id, ...(native ? { native } : {}) });
    } else if (item["type"] === "function_call" && running) {
      const callId = asString(item["call_id"]) ?? id;
      calls.push(callId);
      emit({ type: "tool-input-start", choice: 0, id: callId, name: asString(item["name"]) ?? "", kind: "function" });
      emit({ type: "tool-input-delta", choice: 0, id: callId, delta: asString(item["arguments"]) ?? "{}" });
      emit({ type: "tool-input-end", choice: 0, id: callId });
    }
  }

  /**
   * A resumed thread does not tell of its model's answers, only of the calls as they are carried out. That there are no more is told by
   * nothing; answers of several calls come within milliseconds of each other.
   */
  function onCallOfResumed(callId: string, parameters: JsonObject): void {
    if (!running || sawRaw) return;
    const { emit } = running;
    calls.push(callId);
    emit({
      type: "tool-input-start",
      choice: 0,
      id: callId,
      name: asString(parameters["tool"]) ?? "",
      kind: "function",
    });
    emit({ type: "tool-input-delta", choice: 0, id: callId, delta: JSON.stringify(parameters["arguments"] ?? {}) });
    emit({ type: "tool-input-end", choice: 0, id: callId });
    clearTimeout(quiet);
    quiet = setTimeout(() => running && finish("tool-calls", "tool_calls"), quietMs);
  }

  function onError(turn: Running, parameters: JsonObject): void {
    const given = asObject(parameters["error"]) ?? {};
    // With a retry announced, only what no retry mends ends the turn at once.
    const { code } = failureOfTurn(given, seat, undefined);
    if (parameters["willRetry"] !== true || code === "account_signed_out") giveUp(turn, given);
  }

  /** The vendor's refusal does not say until when: that has to be asked for. */
  function giveUp(turn: Running, given: JsonObject): void {
    const error = failureOfTurn(given, seat, soonestReset());
    if (error.code !== "account_quota_exceeded" || soonestReset() !== undefined) return fail(error);
    if (turn.asksWhen) return;
    turn.asksWhen = true;
    const late = new Promise((resolve) => setTimeout(resolve, quotaMs).unref());
    void Promise.race([options.readQuota().catch(() => undefined), late]).then(() => {
      if (running === turn) fail(failureOfTurn(given, seat, soonestReset()));
    });
  }

  function onTurnCompleted(turn: JsonObject): void {
    turnId = undefined;
    turnEnded?.();
    if (!running) return;
    if (turn["status"] === "completed") return finish("stop", "completed");
    const error = asObject(turn["error"]);
    if (error) return giveUp(running, error);
    fail(new GatewayError("upstream_ended_early", `${title} ended its turn (${asString(turn["status"])}).`));
  }

  function soonestReset(): number | undefined {
    const resets = options
      .quota()
      .flatMap(({ status, resetsAt }) => (status === "rejected" && resetsAt ? [resetsAt] : []));
    return resets.length === 0 ? undefined : Math.min(...resets);
  }

  function begin(sink: TurnSink, encoded: EncodedConversation): void {
    sink.degraded(encoded.degraded);
    const emit = restoreToolEvents(encoded.names, (event) => sink.event(event));
    calls = [];
    running = { sink, emit, usage: undefined, asksWhen: false };
    emit({ type: "start", id: "", model, created: 0 });
  }

  async function ask(encoded: EncodedConversation): Promise<void> {
    await rpc.call("thread/inject_items", { threadId, items: [...encoded.items] });
    if (!running) return;
    await rpc.call("turn/start", {
      threadId,
      model,
      input: [],
      environments: [],
      summary: "auto",
      ...(encoded.effort === undefined ? {} : { effort: encoded.effort }),
      ...(encoded.schema === undefined ? {} : { outputSchema: encoded.schema }),
    });
  }

  function answerCalls(encoded: EncodedConversation): void {
    for (const item of encoded.items) {
      const callId = asString(item["call_id"]);
      if (item["type"] === "function_call_output" && callId !== undefined)
        results.set(callId, { contentItems: outputOf(item["output"]), success: true });
    }
    for (const [callId, reply] of waiting) {
      const result = results.get(callId);
      if (!result) continue;
      waiting.delete(callId);
      results.delete(callId);
      reply.result(result);
    }
  }

  return {
    resumeId: options.keeps ? threadId : undefined,
    lasting: true,
    canContinue(turn: Turn) {
      return usable && !server.ended && !running && answersCalls(turn, calls);
    },
    run(turn, sink) {
      const isNew = !started && !options.resumed;
      started = true;
      const encoded = isNew
        ? encodeConversation(turn.conversation, model)
        : encodeNewTurn(turn.conversation, turn.from, model);
      const stoppedAtCalls = calls.length > 0;
      begin(sink, encoded);
      if (stoppedAtCalls) return answerCalls(encoded);
      asking = ask(encoded).catch((error: unknown) => fail(failureOfCall(error, seat)));
    },
    // One pipe carries every conversation: it is not held up for one of them.
    pause() {},
    resume() {},
    async close() {
      running = undefined;
      usable = false;
      clearTimeout(quiet);
      const timer = setTimeout(() => void server.child.stop(), interruptMs);
      // A turn that is only just begun cannot be interrupted before it has a name.
      await asking;
      if (turnId !== undefined && !server.ended) {
        const ended = new Promise<void>((resolve) => (turnEnded = resolve));
        rpc.call("turn/interrupt", { threadId, turnId }).catch(() => {});
        await ended;
      }
      clearTimeout(timer);
      detach();
      if (!server.ended) await rpc.call("thread/unsubscribe", { threadId }).catch(() => {});
    },
  };
}

function outputOf(output: unknown): JsonObject[] {
  if (typeof output === "string") return [{ type: "inputText", text: output }];
  return asArray(output).map((given): JsonObject => {
    const part = asObject(given) ?? {};
    return part["type"] === "input_image"
      ? { type: "inputImage", imageUrl: part["image_url"] }
      : { type: "inputText", text: asString(part["text"]) ?? JSON.stringify(part) };
  });
}
