import { GatewayError, toGatewayError, usageOf } from "@trunkline/contracts";
import type { AnswerRedaction } from "@trunkline/policies";
import type { AnswerSink, ProviderCall, ProviderRequest } from "@trunkline/providers";
import type { AnswerWriter } from "./answer-writer.ts";
import type { Course } from "./course.ts";
import type { Prepared } from "./prepare.ts";
import type { Candidate } from "./routing/plan.ts";
import type { ExchangeRuntime } from "./runtime.ts";

/** One try at one target, as long as it runs. */
export type RunningAttempt = {
  /** The client left: the upstream is stopped, and nothing is held against the target. */
  cancel(): void;
  resume(): void;
};

export type AttemptOptions = {
  readonly runtime: ExchangeRuntime;
  readonly course: Course;
  readonly prepared: Prepared;
  readonly candidate: Candidate;
  readonly writer: AnswerWriter;
  /** The provider's answer is complete; the client's is not ended yet. */
  readonly onDone: () => void;
  /** Called once, and then nothing more. */
  readonly onFailed: (error: GatewayError) => void;
};

/** Asks one target and writes what it answers. Its health and load take note; the trace gets its entry when it ends. */
export function runAttempt(options: AttemptOptions): RunningAttempt {
  const { runtime, course, prepared, candidate, writer } = options;
  const { incoming } = prepared;
  const { provider, model } = candidate.target;
  const startedAt = runtime.now();
  const visit = runtime.health.begin(provider.name, model, startedAt);
  const leave = runtime.loads.begin(provider.name, model);
  let status = 0;
  let over = false;
  let isMeasured = false;
  let call: ProviderCall | undefined;
  let redaction: AnswerRedaction | undefined;

  function close(error: GatewayError | undefined): void {
    over = true;
    leave();
    course.attempts.push({
      provider: provider.name,
      model,
      startedAt,
      durationMs: runtime.now() - startedAt,
      status,
      error: error?.code ?? null,
      reason: error?.message ?? null,
      isSkipped: false,
      until: null,
    });
  }

  function fail(raw: GatewayError): void {
    if (over) return;
    const error = redaction ? new GatewayError(raw.code, redaction.text(raw.message), raw.details) : raw;
    runtime.health.failed(visit, error, runtime.now());
    close(error);
    options.onFailed(error);
  }

  /** After something was written: measures how long the first content took, and heeds a client slower than the upstream. */
  function written(isFast: boolean): void {
    if (!isMeasured && writer.observed.firstContentAt !== undefined) {
      isMeasured = true;
      const now = runtime.now();
      runtime.loads.observe(provider.name, model, now - startedAt, now);
    }
    if (!isFast) call?.pause();
  }

  const sink: AnswerSink = {
    head: ({ contentType }) => writer.head(contentType),
    data(chunk) {
      if (over) return;
      written(writer.data(chunk));
      if (!writer.hasOpenedWithError()) return;
      // Whatever else it may send, this is no answer.
      call?.cancel();
      fail(writer.finish() ?? new GatewayError("upstream_error", `The provider '${provider.name}' failed.`));
    },
    event(event) {
      if (!redaction) return written(writer.event(event));
      for (const clean of redaction.event(event)) written(writer.event(clean));
    },
    completion: (completion) => writer.completion(redaction?.completion(completion) ?? completion),
    json(body, tokens) {
      writer.observed.usage = usageOf({
        inputTokens: incoming.operation === "embed" ? tokens.input : 0,
        estimated: tokens.estimated,
      });
      writer.json(body);
    },
    headers(given) {
      Object.assign(course.context.answerHeaders, given);
    },
    degraded(members) {
      for (const member of members) course.degraded.add(member);
    },
    status(given) {
      status = given;
    },
    done() {
      if (over) return;
      const error = writer.finish();
      if (error) return fail(error);
      written(true);
      runtime.health.succeeded(visit);
      close(undefined);
      options.onDone();
    },
    fail,
  };

  try {
    redaction = incoming.operation === "generate" ? runtime.redaction(provider.name, incoming.id) : undefined;
    call = provider.start(requestFor(options, redaction !== undefined), sink);
  } catch (error) {
    fail(toGatewayError(error));
  }

  return {
    cancel() {
      if (over) return;
      over = true;
      leave();
      runtime.health.left(visit);
      call?.cancel();
    },
    resume: () => call?.resume(),
  };
}

function requestFor({ course, prepared, candidate }: AttemptOptions, asEvents: boolean): ProviderRequest {
  const { incoming, conversation } = prepared;
  const { model } = candidate.target;
  return {
    id: incoming.id,
    operation: incoming.operation,
    dialect: incoming.dialect,
    model,
    requestedModel: incoming.model,
    stream: incoming.stream,
    body: prepared.bodyFor(model),
    batch: incoming.batch,
    headers: incoming.vendorHeaders,
    keyId: course.context.key?.id ?? "",
    session: incoming.session,
    priority: incoming.priority,
    asEvents,
    conversation,
  };
}
