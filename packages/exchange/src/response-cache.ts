import { GatewayError, type CacheState } from "@trunkline/contracts";
import {
  cacheKey,
  isModelAllowed,
  refusalOf,
  type KeptAnswer,
  type RecordedMeta,
  type Recording,
  type RecordingListener,
  type ResponseCache,
} from "@trunkline/policies";
import type { ClientAnswer } from "./client-answer.ts";
import type { Course } from "./course.ts";
import type { Incoming } from "./incoming.ts";
import type { Prepared } from "./prepare.ts";
import { clientClosed } from "./refusals.ts";
import { errorAnswer, writeError } from "./write-error.ts";

/** Headers of an answer that are one client's own, or one connection's. */
const ownHeaders =
  /^(?:x-ratelimit|anthropic-ratelimit|x-queue|x-trunkline-(?:cache|attempts|quota|budget|session))|^(?:age|retry-after|x-claude)/;

const known = new Map<string, boolean>();

/** The names are ours, and few. */
function isOwn(name: string): boolean {
  let own = known.get(name);
  if (own === undefined) known.set(name, (own = ownHeaders.test(name)));
  return own;
}

/** What a request's `Cache-Control` allows. */
function wishes({ headers }: Incoming): { store: boolean; find: boolean; maxAgeMs: number } {
  const control = headers["cache-control"];
  const text = typeof control === "string" ? control.toLowerCase() : "";
  const maxAge = /max-age=(\d{1,9})/.exec(text);
  return {
    store: !text.includes("no-store"),
    find: !/no-store|no-cache/.test(text),
    maxAgeMs: maxAge ? Number(maxAge[1]) * 1000 : Number.POSITIVE_INFINITY,
  };
}

function keyOf(cache: ResponseCache, course: Course, received: Incoming): string {
  return cacheKey({
    scope: cache.isShared ? "" : (course.context.key?.id ?? ""),
    dialect: received.dialect,
    operation: received.operation,
    model: received.model,
    stream: received.stream,
    isJsonArray: received.asJsonArray,
    vendorHeaders: received.vendorHeaders,
    members: received.body.members(),
  });
}

/**
 * Answers a request from the cache, or joins it to one on its way: then there is nothing more to do, and undefined is returned. Else
 * returns the client's answer, recorded where others may have it too. A session's turn is never the same twice.
 */
export function throughCache(
  cache: ResponseCache | undefined,
  course: Course,
  { incoming: received, plan }: Prepared,
  answer: ClientAnswer,
  now: number,
): ClientAnswer | undefined {
  if (!cache || received.operation === "count-tokens" || received.session !== undefined) return answer;
  const { store, find, maxAgeMs } = wishes(received);
  const tell = (state: CacheState) => {
    course.cache = state;
    course.context.answerHeaders["x-trunkline-cache"] = state;
  };
  if (!store) {
    tell("bypass");
    return answer;
  }
  const key = keyOf(cache, course, received);
  const kept = find ? cache.find(key, now, maxAgeMs) : undefined;
  if (kept && isStillAllowed(kept.meta, course, received)) {
    tell("hit");
    giveOut(kept, course, answer, now);
    return undefined;
  }
  // Who joins one on its way must be one who may ask.
  const mayAsk = plan.candidates.some(({ verdict }) => verdict !== "skip");
  const running = find && mayAsk ? cache.join(key) : undefined;
  if (running) {
    tell("hit");
    follow(running, course, received, answer);
    return undefined;
  }
  tell(find ? "miss" : "bypass");
  return record(cache, key, course, answer, now);
}

/** Who made it may have been switched off meanwhile, and of an answer all may have, this key need not be allowed the model. */
function isStillAllowed(meta: RecordedMeta, { context }: Course, { model: requested }: Incoming): boolean {
  const { provider, model } = meta;
  if (context.key && !isModelAllowed(context.key, requested, model, `${provider}/${model}`)) return false;
  return refusalOf(context.killSwitches, { requested, provider, model }) === undefined;
}

function giveOut(
  { startedAt, headers, meta, body }: KeptAnswer,
  course: Course,
  answer: ClientAnswer,
  now: number,
): void {
  course.answeredBy = meta;
  course.settle("ok", 200, undefined);
  const age = String(Math.max(0, Math.floor((now - startedAt) / 1000)));
  answer.begin(200, { ...headers, ...course.context.answerHeaders, age });
  answer.end(body);
}

/** Gives this client what another gets, from its beginning. */
function follow(recording: Recording, course: Course, received: Incoming, answer: ClientAnswer): void {
  const listener: RecordingListener = {
    begin(headers) {
      answer.begin(200, { ...headers, ...course.context.answerHeaders, age: "0" });
    },
    write: (chunk) => void answer.write(chunk),
    end(how, meta) {
      course.answeredBy = meta;
      course.settle(how === "ok" ? "ok" : "error", 200, undefined);
      if (how === "broken") answer.destroy();
      else answer.end();
    },
    fail(error) {
      course.settle("error", errorAnswer(error, received.dialect, received.id).status, error);
      writeError(answer, error, received.dialect, received.id, course.headers());
    },
  };
  answer.onClose(() => {
    recording.leave(listener);
    course.settle("cancelled", 499, clientClosed());
  });
  recording.follow(listener);
}

/** The client's answer, with everything written to it recorded. It goes on without its own client as long as others listen. */
function record(cache: ResponseCache, key: string, course: Course, answer: ClientAnswer, now: number): ClientAnswer {
  let hasBegun = false;
  let isGone = false;
  let hasFailed = false;
  let cancel = () => {};
  const recording = cache.begin(key, now, () => {
    if (isGone) cancel();
  });

  function end(how: "ok" | "told" | "broken"): void {
    recording.end(how, course.settledMeta());
    cache.settle(key, recording);
  }

  course.onSettled((outcome, error) => {
    hasFailed = outcome !== "ok";
    if (!hasFailed) return;
    if (hasBegun && outcome === "cancelled") end("broken");
    if (hasBegun) return;
    recording.fail(outcome === "cancelled" || !error ? brokenOff() : error);
    cache.settle(key, recording);
  });

  // Each member by itself: a spread object has a hidden class of its own, which keeps the whole request alive past minor collections.
  return {
    isClosed: () => answer.isClosed(),
    onDrain: (listener) => answer.onDrain(listener),
    begin(status, headers) {
      if (status === 200) {
        hasBegun = true;
        recording.begin(sharedHeaders(headers));
      }
      answer.begin(status, headers);
    },
    write(chunk) {
      if (chunk.length > 0) recording.write(chunk);
      return isGone || answer.write(chunk);
    },
    end(chunk) {
      if (hasBegun) {
        if (chunk !== undefined && chunk.length > 0) recording.write(chunk);
        end(hasFailed ? "told" : "ok");
      }
      answer.end(chunk);
    },
    destroy() {
      end("broken");
      answer.destroy();
    },
    onClose(listener) {
      cancel = listener;
      answer.onClose(() => {
        isGone = true;
        if (recording.listeners() === 0) listener();
      });
    },
  };
}

function sharedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const shared: Record<string, string> = {};
  for (const name in headers) if (!isOwn(name)) shared[name] = headers[name]!;
  return shared;
}

function brokenOff(): GatewayError {
  return new GatewayError(
    "upstream_ended_early",
    "The same request of another client, which this one waited for, was broken off. Try again.",
  );
}
