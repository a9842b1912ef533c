import { asObject, GatewayError, type Completion, type JsonObject, type StreamEvent } from "@trunkline/contracts";
import { dialects, type AnswerContext, type Dialect, type RequestBody, type StreamEncoder } from "@trunkline/dialects";
import type { ClientAnswer } from "./client-answer.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import type { Incoming } from "./incoming.ts";
import { nothingObserved, observeEvent, type Observed } from "./observed.ts";
import { createOpeningGate, type OpeningGate } from "./opening-gate.ts";
import { createThroughFilter, type ThroughFilter } from "./through-filter.ts";
import { writeError } from "./write-error.ts";

/** What an event of a stream that passes through is reckoned at, when its upstream tells no usage: a token's worth of text. */
const charactersPerEvent = 4;

export type AnswerWriterOptions = {
  readonly incoming: Incoming;
  readonly answer: ClientAnswer;
  /** The request's members as the client sent them. */
  readonly echo: RequestBody;
  /** Headers for whatever the answer will be, as a new object; read at the moment it begins. */
  readonly headers: () => Record<string, string>;
  readonly heartbeatMs: number;
  readonly now: () => number;
  /** The name the upstream knows the model by; another than the client's is put right in what passes through. */
  readonly upstreamModel: () => string;
};

/**
 * Writes one answer to the client, from bytes of its own dialect, from events or from a whole completion. Nothing is sent before the
 * first real content but signs of life, so that until then another target may answer instead.
 */
export function createAnswerWriter(options: AnswerWriterOptions) {
  const { incoming, answer } = options;
  const dialect: Dialect = dialects[incoming.dialect];
  const observed: Observed = { ...nothingObserved };
  const wantsUsage = asObject(incoming.body.member("stream_options"))?.["include_usage"] === true;
  let begun = false;
  /** Something of an answer has been sent, and no other can begin. */
  let said = false;
  let ended = false;
  let contentType = "application/json";
  let gate: OpeningGate | undefined;
  let filter: ThroughFilter | undefined;
  let encoder: StreamEncoder | undefined;
  /** Text that may wait for the first content: the opening events of a stream. */
  let held: string | Buffer = "";
  let quietSince = options.now();

  const heartbeat = incoming.stream && options.heartbeatMs > 0 ? setInterval(beat, options.heartbeatMs) : undefined;
  heartbeat?.unref();

  function context(): AnswerContext {
    return {
      model: incoming.model,
      echo: options.echo.whole(),
      includeUsage: wantsUsage,
      estimatedInputTokens: estimateTokens(incoming.body.bytes.length),
      asJsonArray: incoming.asJsonArray,
      requestId: incoming.id,
      now: options.now(),
    };
  }

  function encoderOf(): StreamEncoder {
    encoder ??= dialect.createStreamEncoder(context());
    return encoder;
  }

  function begin(type: string): void {
    if (begun) return;
    begun = true;
    const headers = options.headers();
    headers["content-type"] = type;
    if (incoming.stream) {
      headers["cache-control"] = "no-cache";
      headers["x-accel-buffering"] = "no";
    }
    answer.begin(200, headers);
  }

  /** Head and body of an answer that is complete; both leave with `close`. */
  function beginWhole(type: string, body: string | Buffer): void {
    begun = said = true;
    held = body;
    const headers = options.headers();
    headers["content-type"] = type;
    headers["content-length"] = String(Buffer.byteLength(body));
    answer.begin(200, headers);
  }

  function write(chunk: string | Buffer): boolean {
    if (chunk.length === 0) return true;
    said = true;
    quietSince = options.now();
    return answer.write(chunk);
  }

  function pass(chunk: Buffer): boolean {
    observed.firstContentAt ??= options.now();
    const out = filter!.push(chunk);
    if (out.length === 0) return true;
    begin(contentType);
    return write(out);
  }

  /** A sign of life for clients and proxies that give up on silence. Once it is sent, an error can only follow inside the stream. */
  function beat(): void {
    if (ended || options.now() - quietSince < options.heartbeatMs) return;
    // Between pieces of passed-through bytes there is no telling whether an event is half sent.
    if (filter && said) return;
    const text = encoderOf().encode({ type: "heartbeat" });
    if (text === "") return;
    begin(encoderOf().contentType);
    quietSince = options.now();
    answer.write(text);
  }

  function stop(): void {
    ended = true;
    clearInterval(heartbeat);
  }

  return {
    observed,
    hasBegun() {
      return begun;
    },
    /** Whether anything of an answer was sent; signs of life are nothing. */
    hasSaid() {
      return said;
    },
    /** Forgets what a target that failed began with. Only as long as nothing was said. */
    restart() {
      Object.assign(observed, nothingObserved);
      gate = filter = encoder = undefined;
      held = "";
    },
    /** The upstream's stream has reported an error before any content. */
    hasOpenedWithError() {
      return gate?.hasFailed() ?? false;
    },

    head(type: string): void {
      contentType = incoming.asJsonArray ? "application/json; charset=utf-8" : type;
      const renameModel =
        incoming.operation === "generate" && incoming.model !== options.upstreamModel() ? incoming.model : undefined;
      gate = incoming.stream ? createOpeningGate(dialect) : undefined;
      filter = createThroughFilter({
        dialect,
        stream: incoming.stream,
        asJsonArray: incoming.asJsonArray,
        withholdUsage: incoming.dialect === "openai-chat" && !wantsUsage,
        renameModel,
      });
    },

    /** Returns false when the client is slower than the upstream. */
    data(chunk: Buffer): boolean {
      if (!gate) return pass(chunk);
      const opened = gate.push(chunk);
      if (!opened) return true;
      gate = undefined;
      return pass(opened);
    },

    event(event: StreamEvent): boolean {
      observeEvent(observed, event);
      const text = encoderOf().encode(event);
      if (event.type === "start" || event.type === "usage") {
        if (said) return write(text);
        held += text;
        return true;
      }
      if (event.type === "end") {
        // Kept until the exchange is in the ledger's queue.
        begin(encoderOf().contentType);
        held += text;
        return true;
      }
      if (text === "") return true;
      observed.firstContentAt ??= options.now();
      const out = `${held}${text}`;
      held = "";
      begin(encoderOf().contentType);
      return write(out);
    },

    completion(completion: Completion): void {
      observed.firstContentAt ??= options.now();
      observed.usage = completion.usage;
      observed.serviceTier = completion.serviceTier;
      const finish = completion.choices[0]?.finish;
      observed.finishReason = finish?.native ?? finish?.reason;
      const body = dialect.encodeResponse(completion, context());
      if (incoming.dialect === "openai-responses") observed.response = body;
      this.json(body);
    },

    json(body: JsonObject): void {
      observed.firstContentAt ??= options.now();
      beginWhole("application/json", JSON.stringify(body));
    },

    /** Gives the last bytes, after which only `close` may follow; or the error of a stream that ended without its terminal event. */
    finish(): GatewayError | undefined {
      if (!filter) {
        stop();
        observed.response ??= encoder?.result?.();
        return undefined;
      }
      const opening = gate?.rest();
      const first = opening ? filter.push(opening) : "";
      const { rest, tap } = filter.end();
      observed.usage = tap.usage;
      observed.finishReason = tap.finishReason;
      observed.serviceTier = tap.serviceTier;
      observed.responseId = tap.id;
      observed.characters ||= filter.events() * charactersPerEvent;
      const error =
        tap.error ?? (tap.complete ? undefined : incoming.stream ? endedEarly() : said ? undefined : unreadable());
      // Before any content it is a failure like any other, and another target may answer.
      if (error && !said) return error;
      stop();
      if (!incoming.stream && !said && rest.length > 0) {
        beginWhole(contentType, rest);
        return undefined;
      }
      if (first.length > 0 || rest.length > 0) begin(contentType);
      write(first);
      write(rest);
      if (error) return error;
      begin(contentType);
      return undefined;
    },

    close(): void {
      answer.end(held);
    },

    /** Tells the client of an error in whichever way is still open to it. */
    fail(error: GatewayError): void {
      const alreadyTold = ended && filter !== undefined && error.details.upstreamType !== undefined;
      stop();
      if (!begun) {
        writeError(answer, error, incoming.dialect, incoming.id, options.headers());
        return;
      }
      if (!incoming.stream) return answer.destroy();
      // An error event that passed through has told the client already.
      if (alreadyTold) return answer.end(incoming.asJsonArray ? "]" : "");
      const text = encoderOf().encode({ type: "error", error });
      // The array was opened by what passed through, of which the encoder knows nothing.
      answer.end(filter && incoming.asJsonArray ? text.replace(/^\[/, ",\r\n") : text);
    },

    /** The client is gone. */
    abandon(): void {
      if (filter && !ended) {
        if (gate) filter.push(gate.rest());
        const { tap } = filter.end();
        observed.usage = tap.usage;
        observed.finishReason = tap.finishReason;
        observed.characters ||= filter.events() * charactersPerEvent;
      }
      stop();
    },
  };
}

function unreadable(): GatewayError {
  return new GatewayError("upstream_bad_response", "The provider answered with something that is not JSON.");
}

function endedEarly(): GatewayError {
  return new GatewayError("upstream_ended_early", "The provider's stream ended before it was finished.");
}

export type AnswerWriter = ReturnType<typeof createAnswerWriter>;
