import {
  GatewayError,
  toGatewayError,
  type AssistantPart,
  type Conversation,
  type StreamEvent,
} from "@trunkline/contracts";
import { createCollector } from "@trunkline/dialects";
import type { AnswerSink, ProviderRequest } from "../provider.ts";
import { hasRemoteMedia, inlineMedia } from "../shared/inline-media.ts";
import type { CliRuntime } from "./cli-provider.ts";
import { fingerprint, shapeOf } from "./conversation/fingerprint.ts";
import { newestTurn } from "./conversation/last-turn.ts";
import type { Account, Opening, Thread } from "./driver.ts";
import type { Parked } from "./parked-threads.ts";
import { quotaHeaders } from "./quota-headers.ts";
import type { SessionTurn } from "./sessions.ts";

/** It becomes an argument of a program: nothing in it may be taken for a flag. */
const modelName = /^[A-Za-z0-9][\w.:@/+[\]-]*$/;

type Control = { pause: () => void; resume: () => void };

/** One request's way through: a place, an account, a thread, the answer, and what is kept of it. Throws what nothing was begun for. */
export async function runTurn(
  runtime: CliRuntime,
  request: ProviderRequest,
  sink: AnswerSink,
  leaving: AbortSignal,
  control: Control,
): Promise<void> {
  const { options, queue } = runtime;
  if (!modelName.test(request.model)) {
    throw new GatewayError(
      "invalid_request",
      "A model's name here is letters, digits and . _ : @ / + [ ] -, and begins with none of these.",
      {
        parameter: "model",
      },
    );
  }
  let conversation: Conversation = { ...request.conversation(), stream: request.stream };
  const missing = options.driver.check(conversation);
  sink.degraded(missing);
  if (missing.length > 0) sink.headers({ "x-claude-ignored-params": missing.join(", ") });
  if (hasRemoteMedia(conversation)) conversation = await inlineMedia(conversation, options.guardedFetch, leaving);
  await runtime.states.load();
  const session =
    request.session === undefined
      ? undefined
      : await runtime.sessions.turn(request.session, request.keyId, conversation);
  try {
    const state = queue.state();
    sink.headers({ "x-queue-active": String(state.active), "x-queue-depth": String(state.waiting) });
    const place = await queue.enter(request.priority, leaving);
    try {
      sink.headers({ "x-queued-ms": String(Math.round(place.queuedMs)) });
      if (leaving.aborted) return;
      const whole = session?.conversation ?? conversation;
      const shape = shapeOf(whole, request.model);
      await answer(runtime, { request, sink, leaving, control, session, conversation: whole, shape });
    } finally {
      place.release();
    }
  } finally {
    await session?.release();
  }
}

type Asked = {
  readonly request: ProviderRequest;
  readonly sink: AnswerSink;
  readonly leaving: AbortSignal;
  readonly control: Control;
  readonly session: SessionTurn | undefined;
  readonly conversation: Conversation;
  /** What a thread must have been opened with to go on with it. */
  readonly shape: string;
};

/** Tries accounts until one answers, as long as nothing has been said. */
async function answer(runtime: CliRuntime, asked: Asked): Promise<void> {
  const { sink, session, leaving } = asked;
  const tried = new Set<string>();
  const bound = session && !session.created ? session.record.account : undefined;
  for (;;) {
    const found = takeParked(runtime, asked);
    const account = pickAccount(runtime, asked, tried, bound, found);
    const end = runtime.states.begin(account);
    let outcome: Outcome;
    try {
      outcome = await answerFrom(runtime, asked, account, found?.account === account.name ? found : undefined);
    } finally {
      end();
    }
    if (outcome.error === undefined || leaving.aborted) return;
    const another = runtime.states.failed(account, outcome.error);
    tried.add(account.name);
    const left = runtime.options.accounts.some(({ name }) => !tried.has(name));
    if (!another || outcome.spoke || bound !== undefined || !left) return sink.fail(outcome.error);
  }
}

/** A session's own account, else that of the thread that waits for this turn, else the conversation's last, else whichever can. */
function pickAccount(
  { states, affinity }: CliRuntime,
  asked: Asked,
  tried: ReadonlySet<string>,
  bound: string | undefined,
  found: Parked | undefined,
): Account {
  try {
    const account = states.pick(tried, { bound, preferred: found?.account ?? affinity.get(beginningOf(asked)) });
    if (found && found.account !== account.name) void found.thread.close();
    return account;
  } catch (error) {
    void found?.thread.close();
    throw error;
  }
}

type Outcome = { readonly error: GatewayError | undefined; readonly spoke: boolean };

function keyOf({ request, session, shape }: Asked, before: Conversation["messages"]): string {
  // A thread is one key's alone: another's may end in the same words by chance.
  return session
    ? `session ${session.record.id} ${session.record.turns}`
    : `${request.keyId} ${fingerprint(shape, before)}`;
}

/** How the conversation began, which stays the same however it goes on. */
function beginningOf({ conversation, request }: Asked): string {
  const { messages } = conversation;
  const first = messages.findIndex(({ role }) => role === "assistant");
  return `${request.keyId} ${fingerprint(request.model, first < 0 ? messages : messages.slice(0, first))}`;
}

function takeParked(runtime: CliRuntime, asked: Asked): Parked | undefined {
  const { conversation, shape } = asked;
  const from = newestTurn(conversation.messages);
  if (from === 0 && asked.session === undefined) return undefined;
  const parked = runtime.parked.take(keyOf(asked, conversation.messages.slice(0, from)));
  if (!parked) return undefined;
  // Another system prompt or other tools: the thread would answer by the old ones.
  if (parked.shape === shape && parked.thread.canContinue({ conversation, from })) return parked;
  void parked.thread.close();
  return undefined;
}

async function answerFrom(
  runtime: CliRuntime,
  asked: Asked,
  account: Account,
  parked: Parked | undefined,
): Promise<Outcome> {
  const { request, sink, leaving, control, session, conversation } = asked;
  const { options, states } = runtime;
  let thread: Thread | undefined = parked?.thread;
  let spoke = false;
  const collector = createCollector();

  /** What is known once the answer begins and no failure can take it back. */
  function announce(): void {
    sink.headers({ ...quotaHeaders(states.windowsOf(account)), ...(session ? sessionHeaders(session) : {}) });
  }

  function say(event: StreamEvent): void {
    collector.add(event);
    if (!request.stream) return;
    if (!spoke && event.type !== "start") announce();
    spoke ||= event.type !== "start";
    // The end is said once it is sure that the turn ended well.
    if (event.type !== "end") sink.event(event);
  }

  const ending = new AbortController();
  const end = (error: GatewayError) => ending.abort(error);
  const gone = () => end(new GatewayError("client_closed", "The client went away."));
  const timer = setTimeout(() => end(timedOut(options.driver.title, options.timeoutMs)), options.timeoutMs);
  leaving.addEventListener("abort", gone);
  if (leaving.aborted) gone();
  try {
    thread ??= await untilAborted(ending.signal, openThread(runtime, asked, account), (late) => late.close());
    const open = thread;
    control.pause = () => open.pause();
    control.resume = () => open.resume();
    const answered = new Promise<void>((resolve, reject) => {
      open.run(
        { conversation, from: newestTurn(conversation.messages) },
        { event: say, degraded: (members) => sink.degraded(members), done: resolve, fail: reject },
      );
    });
    await untilAborted(ending.signal, answered);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    // What failed is not spoken with again. Its place is free once nothing of it runs.
    await thread?.close();
    return { error, spoke };
  } finally {
    clearTimeout(timer);
    leaving.removeEventListener("abort", gone);
  }
  states.worked(account);
  runtime.affinity.remember(beginningOf(asked), account.name);
  const completion = collector.completion();
  const said: readonly AssistantPart[] = completion.choices[0]?.content ?? [];
  await keep(runtime, asked, account, thread, said);
  if (leaving.aborted) return { error: undefined, spoke };
  if (!request.stream) announce();
  sink.status(200);
  if (request.stream) sink.event({ type: "end" });
  else sink.completion(completion);
  sink.done();
  return { error: undefined, spoke: true };
}

async function openThread(
  runtime: CliRuntime,
  { request, conversation, session }: Asked,
  account: Account,
): Promise<Thread> {
  const program = await runtime.programOf(account);
  return program.open({
    model: request.model,
    conversation,
    session: rememberedBy(runtime, session),
  });
}

/**
 * What the program is told of a session. Where several processes answer, a program holds a session open that the next turn's process cannot
 * go on with (Codex: "already has an active writer"): there the gateway remembers it, and the program is told of none.
 */
function rememberedBy({ options }: CliRuntime, session: SessionTurn | undefined): Opening["session"] {
  const resume = session?.record.resumeId ?? undefined;
  return !session || (options.shared && resume === undefined) ? undefined : { resume };
}

/** What the promise gives, or why it was no longer waited for. What comes too late is handed to `drop`. */
function untilAborted<T>(signal: AbortSignal, promise: Promise<T>, drop: (late: T) => unknown = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = () => {
      reject(signal.reason as GatewayError);
      promise.then(drop, () => {});
    };
    if (signal.aborted) return abandon();
    signal.addEventListener("abort", abandon);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abandon));
  });
}

/** The thread waits for the conversation's next turn, under the name that turn will have. */
async function keep(
  runtime: CliRuntime,
  asked: Asked,
  account: Account,
  thread: Thread,
  said: readonly AssistantPart[],
): Promise<void> {
  const { request, session, conversation, shape } = asked;
  try {
    if (session) await session.save(account.name, thread.resumeId ?? null, said);
  } catch (error) {
    // A session that could not be kept has a turn its program knows and we do not.
    await thread.close();
    throw error;
  }
  if (!thread.lasting) return thread.close();
  const key = session
    ? `session ${session.record.id} ${session.record.turns + 1}`
    : `${request.keyId} ${fingerprint(shape, conversation.messages, said)}`;
  runtime.parked.park({ key, account: account.name, shape, thread });
}

function sessionHeaders({ record, created }: SessionTurn): Record<string, string> {
  return {
    "x-trunkline-session": record.id,
    "x-claude-session-id": record.id,
    "x-claude-session-created": String(created),
  };
}

function timedOut(title: string, ms: number): GatewayError {
  return new GatewayError(
    "upstream_timeout",
    `${title} did not finish within ${Math.round(ms / 1000)} s and was stopped.`,
  );
}
