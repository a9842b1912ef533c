import { GatewayError, type EmitEvent } from "@trunkline/contracts";
import { openEnvelope } from "./conversation/envelope.ts";
import type { Seat, Thread, Turn, TurnSink } from "./driver.ts";
import { crashed } from "./failure/program-error.ts";
import { spawnChild, type Child, type ChildEnd } from "./process/spawn-child.ts";

/** How one turn's process is started. */
export type OneShotLaunch = {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Written to its standard input, which is closed behind it. */
  readonly input: string;
  /** Files it is handed, and what of the environment names them; gone when it has ended. */
  readonly prepare?: (scratch: string) => Readonly<Record<string, string>>;
};

/** What a reader may say of the answer. */
export type AnswerParts = {
  readonly emit: EmitEvent;
  /** The answer is complete. */
  done(): void;
  fail(error: GatewayError): void;
};

export type OutputReader = {
  line(line: string): void;
  /** The process has ended and the reader has not said how the turn did. */
  end(end: ChildEnd): void;
};

export type OneShotOptions = {
  readonly seat: Seat;
  readonly title: string;
  readonly launch: (turn: Turn) => OneShotLaunch & { readonly degraded: readonly string[] };
  readonly read: (parts: AnswerParts) => OutputReader;
};

/** A thread whose every turn is a process of its own, told the whole conversation. */
export function createOneShotThread({ seat, title, launch, read }: OneShotOptions): Thread {
  let child: Child | undefined;

  function run(turn: Turn, sink: TurnSink): void {
    const { args, environment, input, degraded, prepare } = launch(turn);
    sink.degraded(degraded);
    let over = false;
    const settle = (act: () => void) => {
      if (over) return;
      over = true;
      act();
    };
    const envelope = openEnvelope(turn.conversation, (event) => sink.event(event));
    const reader = read({
      emit: (event) => {
        if (!over) envelope(event);
      },
      done: () => settle(() => sink.done()),
      fail: (error) => settle(() => sink.fail(error)),
    });
    child = spawnChild({
      command: seat.command,
      args: [...seat.leading, ...args, ...seat.account.arguments],
      environment,
      ...(prepare ? { prepare } : {}),
      childrenFolder: seat.childrenFolder,
      limits: seat.limits,
      onLine: (line) => reader.line(line),
      onEnd(end) {
        if (!over && !end.error) reader.end(end);
        const secrets = Object.values(seat.account.environment);
        settle(() =>
          sink.fail(end.error ?? crashed({ provider: seat.provider, program: title, secrets, now: seat.now() }, end)),
        );
      },
    });
    child.write(input);
    child.endInput();
  }

  return {
    resumeId: undefined,
    lasting: false,
    canContinue: () => false,
    run,
    pause: () => child?.pause(),
    resume: () => child?.resume(),
    async close() {
      await child?.stop();
    },
  };
}

/** An answer of nothing is a failure, whatever the exit code. */
export function emptyAnswer(title: string): GatewayError {
  return new GatewayError("upstream_bad_response", `${title} ended its turn without an answer.`);
}
