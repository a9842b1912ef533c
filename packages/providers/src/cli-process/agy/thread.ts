import type { GatewayError } from "@trunkline/contracts";
import { asNumber, asObject, asString, newId, usageOf, type EmitEvent, type JsonObject } from "@trunkline/contracts";
import { openEnvelope } from "../conversation/envelope.ts";
import { transcriptOf, withInstructions } from "../conversation/transcript.ts";
import type { Seat, Thread, TurnSink } from "../driver.ts";
import { crashed, programError } from "../failure/program-error.ts";
import { emptyAnswer } from "../one-shot-thread.ts";
import type { HeldProcess } from "../process/held-process.ts";
import { createEventParser } from "../process/parse-events.ts";

export const title = "Antigravity CLI";

type Running = { readonly sink: TurnSink; readonly emit: EmitEvent; said: boolean; thinking: boolean };

export type ThreadOptions = {
  readonly seat: Seat;
  readonly model: string;
  readonly process: HeldProcess;
  readonly onAnswered: () => void;
};

/** One process for a conversation: a line a turn in, events out. */
export function createThread({ seat, model, process, onAnswered }: ThreadOptions): Thread {
  const { child } = process;
  const secrets = Object.values(seat.account.environment);
  let running: Running | undefined;
  let usable = true;
  let told = false;

  function fail(error: GatewayError): void {
    const turn = running;
    running = undefined;
    usable = false;
    turn?.sink.fail(error);
    void child.stop();
  }

  const parser = createEventParser(onEvent, () => {});
  process.listen({
    line: (line) => parser.line(line),
    end(end) {
      usable = false;
      if (running)
        fail(end.error ?? crashed({ provider: seat.provider, program: title, secrets, now: seat.now() }, end));
    },
  });

  function onEvent(event: JsonObject): void {
    if (!running) return;
    const name = asString(event["event"]) ?? "";
    const body = asObject(event[name]) ?? {};
    if (name === "step_update") onStep(running, body);
    else if (name === "result") onResult(running, body);
  }

  function onStep(turn: Running, step: JsonObject): void {
    const thought = asString(step["thinking_delta"]);
    if (thought) {
      if (!turn.thinking) turn.emit({ type: "reasoning-start", choice: 0, id: "thought" });
      turn.thinking = true;
      turn.emit({ type: "reasoning-delta", choice: 0, id: "thought", text: thought });
    }
    if (step["step_type"] !== "agent_response") return;
    const text = asString(step["text_delta"]);
    if (text) say(turn, text);
  }

  function say(turn: Running, text: string): void {
    if (turn.thinking) turn.emit({ type: "reasoning-end", choice: 0, id: "thought" });
    turn.thinking = false;
    if (!turn.said) turn.emit({ type: "text-start", choice: 0, id: "text" });
    turn.said = true;
    turn.emit({ type: "text-delta", choice: 0, id: "text", text });
  }

  function onResult(turn: Running, result: JsonObject): void {
    const status = asString(result["status"]) ?? "";
    const response = asString(result["response"]) ?? "";
    if (status !== "SUCCESS") {
      const text = asString(asObject(result["error"])?.["message"]) ?? asString(result["error"]) ?? response;
      // It ends one long turn in ten so, with exit code 0 and nothing said.
      if (text === "") return fail(emptyAnswer(title));
      return fail(programError({ provider: seat.provider, program: title, text, secrets, now: seat.now() }));
    }
    // An answer that came without deltas.
    if (!turn.said && response !== "") say(turn, response);
    if (!turn.said) return fail(emptyAnswer(title));
    turn.emit({ type: "text-end", choice: 0, id: "text" });
    turn.emit({ type: "finish", choice: 0, finish: { reason: "stop", native: status } });
    const counts = asObject(result["usage"]);
    if (counts) {
      const count = (name: string) => asNumber(counts[name]) ?? 0;
      const usage = usageOf({
        inputTokens: count("input_tokens"),
        outputTokens: count("output_tokens") + count("thinking_tokens"),
        reasoningTokens: count("thinking_tokens"),
        cacheReadTokens: count("cache_read_tokens"),
      });
      turn.emit({ type: "usage", usage });
    }
    running = undefined;
    turn.emit({ type: "end" });
    turn.sink.done();
    onAnswered();
  }

  return {
    resumeId: undefined,
    lasting: true,
    canContinue: () => usable && !running,
    run(turn, sink) {
      child.renew();
      const { prompt, files, degraded } = transcriptOf(turn.conversation, told ? turn.from : 0);
      sink.degraded(files.length > 0 ? [...degraded, "messages.file"] : degraded);
      running = {
        sink,
        emit: openEnvelope(turn.conversation, (event) => sink.event(event)),
        said: false,
        thinking: false,
      };
      running.emit({ type: "start", id: newId("agy_"), model, created: 0 });
      const content = told ? prompt : withInstructions(turn.conversation, prompt);
      told = true;
      child.write(`${JSON.stringify({ event: "user", message: { content } })}\n`);
    },
    pause: () => child.pause(),
    resume: () => child.resume(),
    close() {
      running = undefined;
      usable = false;
      return child.stop();
    },
  };
}
