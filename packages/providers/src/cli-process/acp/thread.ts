import {
  asNumber,
  asObject,
  asString,
  GatewayError,
  newId,
  parseJsonObject,
  usageOf,
  type EmitEvent,
  type FinishReason,
  type JsonObject,
} from "@trunkline/contracts";
import { openEnvelope } from "../conversation/envelope.ts";
import { transcriptOf, withInstructions } from "../conversation/transcript.ts";
import type { Seat, Thread, Turn, TurnSink } from "../driver.ts";
import { programError } from "../failure/program-error.ts";
import { emptyAnswer } from "../one-shot-thread.ts";
import { RpcRefusal } from "../process/json-rpc.ts";
import type { RpcServer } from "../process/rpc-server.ts";

export type AcpThreadOptions = {
  readonly seat: Seat;
  readonly title: string;
  readonly model: string;
  readonly server: RpcServer;
  readonly sessionId: string;
  /** The program has the instructions by other means. */
  readonly hasInstructions: boolean;
  /** Removes what the program keeps of the session. */
  readonly forget: () => Promise<void>;
};

/** Milliseconds a cancelled prompt gets to end before its whole server is ended. */
const cancelMs = 5000;

const reasons: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop",
  max_tokens: "length",
  max_turn_requests: "other",
  refusal: "refusal",
  cancelled: "other",
};

/** A failure as an ACP program tells it: the code is the status its vendor answered with. */
export function acpFailure(error: unknown, seat: Seat, title: string): GatewayError {
  if (!(error instanceof RpcRefusal)) return error instanceof GatewayError ? error : emptyAnswer(title);
  const { code, message, data } = error.refusal;
  const inner = asObject(parseJsonObject(message)?.["error"]);
  return programError({
    provider: seat.provider,
    program: title,
    // The protocol's own code for a log-in that is needed.
    status: code === -32000 ? 401 : code >= 400 && code < 600 ? code : asNumber(inner?.["code"]),
    type: asString(inner?.["status"]),
    text: [asString(inner?.["message"]) ?? message, asString(asObject(data)?.["details"]) ?? ""].join(" ").trim(),
    secrets: Object.values(seat.account.environment),
    now: seat.now(),
  });
}

type Running = {
  readonly sink: TurnSink;
  readonly emit: EmitEvent;
  open: "text" | "reasoning" | undefined;
  said: boolean;
};

/** A session of the Agent Client Protocol. */
export function createAcpThread(options: AcpThreadOptions): Thread {
  const { seat, title, model, server, sessionId } = options;
  let running: Running | undefined;
  let prompting: Promise<unknown> | undefined;
  let usable = true;
  let told = false;

  const detach = server.attach(sessionId, {
    notification: (method, parameters) => {
      if (method === "session/update" && running) onUpdate(running, asObject(parameters["update"]) ?? {});
    },
    // Nothing of its own may run: every wish for permission is turned down.
    request(method, _parameters, reply) {
      if (method === "session/request_permission") reply.result({ outcome: { outcome: "cancelled" } });
      else reply.error(-32601, "Not supported here.");
    },
    end: (error) => fail(error),
  });

  function fail(error: GatewayError): void {
    const turn = running;
    running = undefined;
    usable = false;
    turn?.sink.fail(error);
  }

  function switchTo(turn: Running, kind: Running["open"]): void {
    if (turn.open === kind) return;
    if (turn.open) turn.emit({ type: `${turn.open}-end`, choice: 0, id: turn.open });
    if (kind) turn.emit({ type: `${kind}-start`, choice: 0, id: kind });
    turn.open = kind;
  }

  function onUpdate(turn: Running, update: JsonObject): void {
    const text = asString(asObject(update["content"])?.["text"]) ?? "";
    if (update["sessionUpdate"] === "agent_message_chunk" && text !== "") {
      switchTo(turn, "text");
      turn.said = true;
      turn.emit({ type: "text-delta", choice: 0, id: "text", text });
    } else if (update["sessionUpdate"] === "agent_thought_chunk" && text !== "") {
      switchTo(turn, "reasoning");
      turn.emit({ type: "reasoning-delta", choice: 0, id: "reasoning", text });
    }
  }

  function onResult(turn: Running, result: JsonObject): void {
    if (!turn.said) return fail(emptyAnswer(title));
    switchTo(turn, undefined);
    const native = asString(result["stopReason"]) ?? "end_turn";
    running = undefined;
    turn.emit({ type: "finish", choice: 0, finish: { reason: reasons[native] ?? "other", native } });
    const counts = asObject(asObject(asObject(result["_meta"])?.["quota"])?.["token_count"]);
    if (counts) {
      const usage = usageOf({
        inputTokens: asNumber(counts["input_tokens"]) ?? 0,
        outputTokens: asNumber(counts["output_tokens"]) ?? 0,
      });
      turn.emit({ type: "usage", usage });
    }
    turn.emit({ type: "end" });
    turn.sink.done();
  }

  function promptOf(turn: Turn): { prompt: JsonObject[]; degraded: readonly string[] } {
    const { prompt, files, degraded } = transcriptOf(turn.conversation, told ? turn.from : 0);
    const blocks = files.map(({ mediaType, source }): JsonObject => {
      const data = source.kind === "base64" ? source.data : "";
      if (mediaType.startsWith("image/") || mediaType.startsWith("audio/"))
        return { type: mediaType.startsWith("image/") ? "image" : "audio", mimeType: mediaType, data };
      return { type: "resource", resource: { uri: "attachment:", mimeType: mediaType, blob: data } };
    });
    const text = told || options.hasInstructions ? prompt : withInstructions(turn.conversation, prompt);
    return { prompt: [...blocks, { type: "text", text }], degraded };
  }

  return {
    resumeId: undefined,
    lasting: true,
    canContinue: () => usable && !server.ended && !running,
    run(turn, sink) {
      const { prompt, degraded } = promptOf(turn);
      told = true;
      sink.degraded(degraded);
      const current: Running = {
        sink,
        emit: openEnvelope(turn.conversation, (event) => sink.event(event)),
        open: undefined,
        said: false,
      };
      running = current;
      current.emit({ type: "start", id: newId("acp_"), model, created: 0 });
      prompting = server.rpc.call("session/prompt", { sessionId, prompt }).then(
        (result) => {
          if (running === current) onResult(current, result);
        },
        (error: unknown) => {
          if (running === current) fail(acpFailure(error, seat, title));
        },
      );
    },
    // One pipe carries every conversation: it is not held up for one of them.
    pause() {},
    resume() {},
    async close() {
      const open = running !== undefined;
      running = undefined;
      usable = false;
      if (open && !server.ended) {
        server.rpc.notify("session/cancel", { sessionId });
        const timer = setTimeout(() => void server.child.stop(), cancelMs);
        await prompting;
        clearTimeout(timer);
      }
      detach();
      await options.forget();
    },
  };
}
