import type { Call } from "../http1/client.ts";

/** A call that can be cancelled, paused and resumed before there is anything to be. */
export type LateCall = Call & {
  readonly isCancelled: boolean;
  /** From now on it is this one; nothing is made when it was cancelled before. */
  begin(make: () => Call): void;
};

/** `onCancel` is told of a cancelling before it has begun. */
export function createLateCall(onCancel: () => void = () => {}): LateCall {
  let call: Call | undefined;
  let isCancelled = false;
  let isPaused = false;
  return {
    get isCancelled() {
      return isCancelled;
    },
    begin(make) {
      if (isCancelled) return;
      call = make();
      if (isPaused) call.pause();
    },
    cancel() {
      isCancelled = true;
      if (call) call.cancel();
      else onCancel();
    },
    pause() {
      isPaused = true;
      call?.pause();
    },
    resume() {
      isPaused = false;
      call?.resume();
    },
  };
}
