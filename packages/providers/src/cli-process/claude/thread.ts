import { randomUUID } from "node:crypto";
import {
  asNumber,
  asObject,
  asString,
  GatewayError,
  type EmitEvent,
  type JsonObject,
  type StreamEvent,
} from "@trunkline/contracts";
import { dialects, restoreToolEvents, type StreamDecoder } from "@trunkline/dialects";
import type { Seat, Thread, Turn, TurnSink } from "../driver.ts";
import { crashed } from "../failure/program-error.ts";
import { answersCalls } from "../conversation/answers-calls.ts";
import { createEventParser } from "../process/parse-events.ts";
import type { HeldProcess } from "../process/held-process.ts";
import type { ChildEnd } from "../process/spawn-child.ts";
import {
  assistantLine,
  encodeConversation,
  encodeNewTurn,
  initializeLine,
  userLine,
  type EncodedConversation,
} from "./encode-turn.ts";
import { failureOfResult, failureOfRetry, syntheticText, title, type FailureContext } from "./failures.ts";
import { quotaOfEvent } from "./quota.ts";
import { rewriteAnswer } from "./rewrite-answer.ts";
import { createToolDesk } from "./tool-desk.ts";

type Running = {
  readonly sink: TurnSink;
  readonly decoder: StreamDecoder;
  readonly emit: EmitEvent;
  /** The answer is complete: what follows is the program putting its things away. */
  answered: boolean;
  synthetic: { text: string; type: string | undefined } | undefined;
};

export type ThreadOptions = {
  readonly seat: Seat;
  readonly model: string;
  readonly process: HeldProcess;
  readonly sessionId: string | undefined;
  /** The program remembers the conversation up to its newest turn. */
  readonly resumed: boolean;
  /** The first answer is out. */
  readonly onAnswered: () => void;
};

export function createThread({ seat, model, process, sessionId, resumed, onAnswered }: ThreadOptions): Thread {
  const { child } = process;
  const secrets = Object.values(seat.account.environment);
  let running: Running | undefined;
  let dead = false;
  let started = false;
  let everAnswered = false;
  let resetsAt: number | undefined;
  /** Goes on with the next line of the history once the program has taken the last. */
  let acknowledged: (() => void) | undefined;
  let initialized: ((refusal: string | undefined) => void) | undefined;
  /** Set while the program is still busy with a turn whose answer is out. */
  let settling = false;
  let whenSettled: (() => void) | undefined;
  let usable = true;
  /** Calls the last answer stopped at. The program asks for their results when it gets to it, which may be after the client has sent them. */
  let calls: string[] = [];

  const write = (line: JsonObject) => child.write(`${JSON.stringify(line)}\n`);
  const desk = createToolDesk(write);
  const context = (): FailureContext => ({ provider: seat.provider, secrets, now: seat.now(), resetsAt });

  function fail(error: GatewayError): void {
    const turn = running;
    running = undefined;
    usable = false;
    if (turn && !turn.answered) turn.sink.fail(error);
    void child.stop();
  }

  function finish(): void {
    const turn = running!;
    turn.answered = true;
    running = undefined;
    settling = true;
    turn.sink.done();
    if (!everAnswered) onAnswered();
    everAnswered = true;
  }

  function begin(sink: TurnSink, encoded: EncodedConversation): void {
    const decoder = dialects["anthropic-messages"].createStreamDecoder();
    const out = rewriteAnswer(
      encoded.schema !== undefined,
      restoreToolEvents(encoded.names, (event: StreamEvent) => {
        if (event.type === "error") fail(event.error);
        else {
          if (event.type === "tool-input-start") calls.push(event.id);
          sink.event(event);
          if (event.type === "end") finish();
        }
      }),
    );
    calls = [];
    running = { sink, decoder, emit: out, answered: false, synthetic: undefined };
  }

  const parser = createEventParser(onEvent, (noise) =>
    seat.warn(`${title} wrote ${noise.length} characters that are no event`),
  );
  process.listen({ line: (line) => parser.line(line), end: onEnd });

  function onEvent(event: JsonObject): void {
    switch (event["type"]) {
      case "stream_event":
        return onStreamEvent(asObject(event["event"]) ?? {});
      case "control_request":
        return desk.request(event);
      case "control_response": {
        const response = asObject(event["response"]) ?? {};
        initialized?.(response["subtype"] === "error" ? (asString(response["error"]) ?? "refused") : undefined);
        return;
      }
      case "rate_limit_event": {
        const windows = quotaOfEvent(event, seat.now());
        for (const window of windows) if (window.status === "rejected") resetsAt = window.resetsAt ?? undefined;
        seat.onQuota(windows);
        return;
      }
      case "system":
        if (event["subtype"] === "api_retry" && running) fail(failureOfRetry(event, context()));
        return;
      case "assistant": {
        const text = syntheticText(event);
        if (running && text !== undefined) running.synthetic = { text, type: asString(event["error"]) };
        return;
      }
      case "result":
        return onResult(event);
    }
  }

  function onStreamEvent(event: JsonObject): void {
    // A second message after the answer: the program goes on by itself, which nobody asked for.
    if (settling && event["type"] === "message_start")
      return fail(new GatewayError("upstream_bad_response", `${title} went on by itself after its answer.`));
    if (!running || settling) return;
    running.decoder.event("", JSON.stringify(event), running.emit);
  }

  function onResult(event: JsonObject): void {
    if (acknowledged && asNumber(event["num_turns"]) === 0 && event["is_error"] !== true) {
      const next = acknowledged;
      acknowledged = undefined;
      return next();
    }
    // The turn before, whose answer is out already; the next one waits for this.
    if (settling) {
      settling = false;
      return whenSettled?.();
    }
    if (running) fail(failureOfResult(event, running.synthetic, context()));
  }

  function onEnd(end: ChildEnd): void {
    dead = true;
    usable = false;
    const error = end.error ?? crashed({ provider: seat.provider, program: title, secrets, now: seat.now() }, end);
    initialized?.(error.message);
    if (running) fail(error);
    whenSettled?.();
  }

  /** All turns but the last are laid before the program, each user's waiting until it is taken: it queues them, but not the model's. */
  function replay(encoded: EncodedConversation, index: number): void {
    if (!running) return;
    const turn = encoded.turns[index];
    if (!turn) return fail(new GatewayError("invalid_request", "The conversation is empty."));
    const isLast = index === encoded.turns.length - 1;
    if (turn.role === "assistant") {
      write(assistantLine(turn.content));
      // A conversation that ends with the model's own words is to be gone on with.
      return isLast ? write(userLine([{ type: "text", text: "Continue." }], true)) : replay(encoded, index + 1);
    }
    if (isLast) return write(userLine(turn.content, true));
    acknowledged = () => replay(encoded, index + 1);
    write(userLine(turn.content, false));
  }

  function start(turn: Turn, sink: TurnSink): void {
    const encoded = resumed
      ? encodeNewTurn(turn.conversation, turn.from, model)
      : encodeConversation(turn.conversation, model);
    sink.degraded(encoded.degraded);
    desk.offer(encoded.tools);
    begin(sink, encoded);
    started = true;
    initialized = (refusal) => {
      initialized = undefined;
      if (refusal === undefined) return replay(encoded, 0);
      if (running)
        fail(new GatewayError("upstream_bad_response", `${title} refused to begin: ${refusal.slice(0, 200)}`));
    };
    write(initializeLine(encoded, randomUUID()));
  }

  function goOn(turn: Turn, sink: TurnSink): void {
    const encoded = encodeNewTurn(turn.conversation, turn.from, model);
    sink.degraded(encoded.degraded);
    const stoppedAtCalls = calls.length > 0;
    begin(sink, encoded);
    const last = encoded.turns.at(-1);
    if (stoppedAtCalls) {
      settling = false;
      desk.answer(last?.content ?? []);
    } else if (!settling) write(userLine(last?.content ?? [], true));
    else
      whenSettled = () => {
        whenSettled = undefined;
        if (running) write(userLine(last?.content ?? [], true));
      };
  }

  return {
    resumeId: sessionId,
    lasting: true,
    canContinue: (turn) => usable && !dead && !running && answersCalls(turn, calls),
    run(turn, sink) {
      child.renew();
      if (started) goOn(turn, sink);
      else start(turn, sink);
    },
    pause: () => child.pause(),
    resume: () => child.resume(),
    close() {
      if (running) write({ type: "control_request", request_id: randomUUID(), request: { subtype: "interrupt" } });
      running = undefined;
      usable = false;
      return child.stop();
    },
  };
}
