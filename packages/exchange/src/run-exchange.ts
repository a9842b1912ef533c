import { toGatewayError, type GatewayError } from "@trunkline/contracts";
import { encodeCount } from "@trunkline/dialects";
import { createAnswerWriter } from "./answer-writer.ts";
import type { ClientAnswer } from "./client-answer.ts";
import { createCourse, type Course } from "./course.ts";
import type { Incoming } from "./incoming.ts";
import { keepResponse } from "./keep-response.ts";
import { demandOf } from "./limit-demand.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { clientClosed } from "./refusals.ts";
import type { Candidate } from "./routing/plan.ts";
import { runAttempt, type RunningAttempt } from "./run-attempt.ts";
import type { ExchangeRuntime } from "./runtime.ts";
import { throughCache } from "./response-cache.ts";
import { createWalk, type Step, type Walk } from "./walk.ts";
import { errorAnswer, writeError } from "./write-error.ts";

/** One request's way through: policies, the plan of who may answer, the targets in turn, the ledger. Never throws; the client always gets an answer. */
export async function runExchange(runtime: ExchangeRuntime, received: Incoming, answer: ClientAnswer): Promise<void> {
  const course = createCourse(runtime, received);
  let prepared: Prepared;
  let walk: Walk;
  let first: Step;
  /** The client, seen by whoever else asks the same. */
  let seen = answer;
  try {
    prepared = await prepare(runtime, received, course.context);
    course.incoming = prepared.incoming;
    course.route = prepared.plan.route;
    course.target = prepared.plan.candidates[0]?.target;
    const recorded = throughCache(runtime.cache, course, prepared, answer, received.receivedAt);
    if (!recorded) return;
    seen = recorded;
    walk = createWalkOf(runtime, prepared);
    course.tellSkipped(walk.skipped);
    first = walk.first();
    if (first.kind === "stop") throw first.error;
    const entering = runtime.limits?.enter("request", demandOf(runtime, course, first.candidate));
    course.hold = entering instanceof Promise ? await entering : entering;
  } catch (thrown) {
    return refuse(course, received, seen, toGatewayError(thrown));
  }
  // Whoever left while the policies ran must not start a provider that bills.
  if (seen.isClosed()) return course.settle("cancelled", 499, clientClosed());
  serve(runtime, course, prepared, { walk, first }, received, seen);
}

function refuse(course: Course, { dialect, id }: Incoming, answer: ClientAnswer, error: GatewayError): void {
  course.settle("error", errorAnswer(error, dialect, id).status, error);
  writeError(answer, error, dialect, id, course.headers());
}

function createWalkOf(runtime: ExchangeRuntime, { incoming, plan }: Prepared) {
  return createWalk({
    plan,
    // A session lives at one target, which may have taken the turn already.
    rules: incoming.session === undefined ? runtime.retries : { ...runtime.retries, retries: 0 },
    budget: runtime.retryBudget,
    health: runtime.health,
    random: Math.random,
    now: runtime.now,
  });
}

/** Asks the plan's targets until one answers, and writes the answer. */
function serve(
  runtime: ExchangeRuntime,
  course: Course,
  prepared: Prepared,
  { walk, first }: { readonly walk: Walk; readonly first: Step },
  received: Incoming,
  answer: ClientAnswer,
): void {
  const { incoming } = prepared;
  const { dialect, id, operation } = incoming;
  let running: RunningAttempt | undefined;
  let waiting: NodeJS.Timeout | undefined;
  let closed = false;
  const writer = createAnswerWriter({
    incoming,
    answer,
    echo: received.body,
    headers: course.headers,
    heartbeatMs: runtime.heartbeatMs,
    now: runtime.now,
    upstreamModel: () => course.target!.model,
  });

  answer.onDrain(() => running?.resume());
  answer.onClose(() => {
    if (course.isSettled() || closed) return;
    closed = true;
    clearTimeout(waiting);
    running?.cancel();
    writer.abandon();
    course.settle("cancelled", 499, clientClosed(), writer.observed);
  });

  function failed(error: GatewayError): void {
    if (closed || course.isSettled()) return;
    // The status is the one the client sees: 200 when the answer had begun.
    const status = writer.hasBegun() ? 200 : errorAnswer(error, dialect, id).status;
    course.settle("error", status, error, writer.observed);
    writer.fail(error);
  }

  function succeeded(): void {
    const keeping = keepResponse(
      runtime,
      incoming,
      writer.observed,
      course.context.key?.id ?? "",
      course.target!.provider.name,
    );
    // Without a wait in between, the last bytes leave together with the ones before.
    if (!keeping) return finish();
    // Only a response that has been kept may be announced as finished: the client may build on it at once.
    keeping.then(finish, (thrown: unknown) => failed(toGatewayError(thrown)));
  }

  function finish(): void {
    if (closed) return;
    course.settle("ok", 200, undefined, writer.observed);
    writer.close();
  }

  function take(step: Step): void {
    if (closed) return;
    if (step.kind === "stop") return failed(step.error);
    if (step.afterMs === 0) return void ask(step.candidate);
    waiting = setTimeout(() => {
      const instead = walk.ready(step.candidate);
      if (instead) take(instead);
      else void ask(step.candidate);
    }, step.afterMs);
  }

  async function ask(candidate: Candidate): Promise<void> {
    course.target = candidate.target;
    try {
      const entering = runtime.limits?.hasTargets
        ? runtime.limits.enter("target", demandOf(runtime, course, candidate))
        : undefined;
      const hold = entering instanceof Promise ? await entering : entering;
      // Whoever left meanwhile is in the ledger already.
      if (closed) return hold?.abandon();
      course.targetHold = hold;
    } catch (error) {
      return take(walk.passOver(candidate, toGatewayError(error)));
    }
    writer.restart();
    if (candidate.target.provider.supports(operation, dialect)) {
      running = runAttempt({
        runtime,
        course,
        prepared,
        candidate,
        writer,
        onDone: () => closed || succeeded(),
        onFailed(error) {
          if (writer.hasSaid()) return failed(error);
          course.leaveTarget();
          // A provider may refuse before it has given back a call to cancel.
          queueMicrotask(() => take(walk.after(candidate, error)));
        },
      });
      return;
    }
    try {
      const tokens = await runtime.countTokens(prepared.conversation());
      course.degraded.add("token_count.estimated");
      writer.json(encodeCount(dialect, tokens));
      writer.finish();
      succeeded();
    } catch (error) {
      failed(toGatewayError(error));
    }
  }

  take(first);
}
