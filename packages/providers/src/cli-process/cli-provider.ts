import { GatewayError, toGatewayError } from "@trunkline/contracts";
import type { AnswerSink, ModelInfo, Provider, ProviderCall, ProviderRequest } from "../provider.ts";
import type { GuardedFetch } from "../shared/guarded-fetch.ts";
import { createAccountStates, noAccounts, type AccountStateStore } from "./account-states.ts";
import { createAffinity } from "./affinity.ts";
import type { Account, Driver, Program } from "./driver.ts";
import { createParkedThreads } from "./parked-threads.ts";
import { findProgram, type FoundProgram } from "./process/find-program.ts";
import type { ChildLimits } from "./process/spawn-child.ts";
import { createQueue } from "./queue.ts";
import { runTurn } from "./run-turn.ts";
import { createSessions, type SessionStore } from "./sessions.ts";

export type CliProviderOptions = {
  readonly name: string;
  readonly driver: Driver;
  /** The program; the driver's own name for it when absent. */
  readonly command?: string;
  readonly accounts: readonly Account[];
  readonly models?: readonly string[];
  /** Requests at once, requests that may wait, and how long (milliseconds). */
  readonly concurrency: number;
  readonly queue: number;
  readonly queueWaitMs: number;
  /** Milliseconds for one answer. */
  readonly timeoutMs: number;
  /** Processes kept ready for an account's next request. */
  readonly warm: number;
  /** Milliseconds a process waits for the next turn of its conversation. */
  readonly keepMs: number;
  readonly sessionTtlMs: number;
  readonly sessionMaxAgeMs: number;
  readonly fallback?: string;
  /** Other processes answer for the same accounts: the next turn of a session may be theirs. */
  readonly shared: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly childrenFolder: string;
  readonly sessions: SessionStore;
  readonly accountStates: AccountStateStore;
  readonly guardedFetch: GuardedFetch;
  readonly limits?: Partial<ChildLimits>;
  readonly now: () => number;
  readonly warn: (message: string) => void;
};

/** Milliseconds between two looks for sessions past their time. */
const sweepMs = 60_000;

/** What a request's way through shares with the others of its provider. */
export type CliRuntime = ReturnType<typeof createRuntime>;

function createRuntime(options: CliProviderOptions) {
  const { name, now, driver } = options;
  const programs = new Map<string, Program>();
  let found: Promise<FoundProgram> | undefined;

  /** Where the program is and which version; looked for again after a failure, for it may have been installed meanwhile. */
  function find(): Promise<FoundProgram> {
    found ??= findProgram(driver, options.command ?? driver.command, options.environment).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  }

  const states = createAccountStates({
    provider: name,
    accounts: options.accounts,
    store: options.accountStates,
    now,
    onError: (error) => options.warn(`account states could not be kept: ${(error as Error).message}`),
  });

  return {
    options,
    queue: createQueue({
      name,
      concurrency: options.concurrency,
      depth: options.queue,
      waitMs: options.queueWaitMs,
      now,
    }),
    affinity: createAffinity(),
    parked: createParkedThreads({ most: options.concurrency, keepMs: options.keepMs }),
    states,
    sessions: createSessions({
      provider: name,
      store: options.sessions,
      ttlMs: options.sessionTtlMs,
      maxAgeMs: options.sessionMaxAgeMs,
      lockMs: options.timeoutMs + options.queueWaitMs + 60_000,
      now,
    }),
    find,
    programs,
    async programOf(account: Account): Promise<Program> {
      const { command, leading, version } = await find();
      let program = programs.get(account.name);
      if (!program) {
        program = driver.connect({
          provider: name,
          account,
          command,
          leading,
          version,
          environment: options.environment,
          childrenFolder: options.childrenFolder,
          limits: options.limits ?? {},
          warm: options.warm,
          onQuota: (windows) => states.quota(account, windows),
          now,
          warn: options.warn,
        });
        programs.set(account.name, program);
      }
      return program;
    },
  };
}

/** A vendor's own program, signed in by the operator, as a source of models. */
export function createCliProvider(options: CliProviderOptions): Provider {
  const { driver } = options;
  const runtime = createRuntime(options);
  const running = new Map<Promise<void>, () => void>();
  let closed = false;

  async function sweep(): Promise<void> {
    for (const session of await runtime.sessions.expired()) {
      const account = options.accounts.find(({ name }) => name === session.account);
      if (account && session.resumeId !== null) {
        const program = await runtime.programOf(account);
        await program.forget?.(session.resumeId);
      }
      await runtime.sessions.remove(session.id);
    }
  }
  const sweeping = setInterval(() => {
    sweep().catch((error: Error) => options.warn(`sessions past their time could not be removed: ${error.message}`));
  }, sweepMs);
  sweeping.unref();

  function start(request: ProviderRequest, sink: AnswerSink): ProviderCall {
    const leaving = new AbortController();
    const control = { pause: () => {}, resume: () => {} };
    // Nothing is said before `start` has returned: callers keep the call it gives them.
    const turn = Promise.resolve()
      .then(() => (leaving.signal.aborted ? undefined : runTurn(runtime, request, sink, leaving.signal, control)))
      .catch((error: unknown) => {
        if (!leaving.signal.aborted) sink.fail(toGatewayError(error));
      });
    running.set(turn, () => {
      if (leaving.signal.aborted) return;
      leaving.abort();
      sink.fail(new GatewayError("shutting_down", "The gateway is stopping; try again in a moment."));
    });
    void turn.then(() => running.delete(turn));
    return {
      cancel: () => leaving.abort(),
      pause: () => control.pause(),
      resume: () => control.resume(),
    };
  }

  async function listModels(): Promise<readonly ModelInfo[]> {
    if (options.models) return options.models.map((id) => ({ id }));
    await runtime.find();
    const account = options.accounts[0];
    if (!account) throw noAccounts(options.name);
    const program = await runtime.programOf(account);
    return program.listModels?.() ?? driver.models;
  }

  return {
    name: options.name,
    kind: "cli-process",
    family: driver.family,
    program: driver.name,
    capabilities: driver.capabilities,
    ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    dialectFor: () => `cli-process/${driver.name}`,
    claims: (model) => driver.claims(model) || driver.models.some(({ id }) => id === model),
    supports: (operation) => operation === "generate",
    start,
    listModels,
    queue: () => runtime.queue.state(),
    async accounts() {
      await runtime.states.load();
      return runtime.states.report();
    },
    async refreshQuota() {
      await runtime.states.load();
      const asked = await Promise.all(
        options.accounts.map(async (account) => {
          try {
            const windows = await (await runtime.programOf(account)).readQuota?.();
            if (windows) runtime.states.quota(account, windows);
            return [];
          } catch (error) {
            const problem = toGatewayError(error);
            runtime.states.failed(account, problem);
            return [{ account: account.name, problem: problem.message }];
          }
        }),
      );
      return asked.flat();
    },
    async abandon() {
      for (const give of running.values()) give();
      await Promise.allSettled(running.keys());
    },
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(sweeping);
      // Requests that run end with what they have; nothing is left for another.
      await Promise.allSettled(running.keys());
      await runtime.parked.close();
      await Promise.allSettled([...runtime.programs.values()].map((program) => program.close()));
    },
  };
}
