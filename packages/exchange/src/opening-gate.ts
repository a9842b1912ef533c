import { createSseParser, type Dialect } from "@trunkline/dialects";

export type OpeningGate = {
  /** Takes bytes of a stream's beginning; gives all there were so far once content is among them, else undefined. */
  push(chunk: Buffer): Buffer | undefined;
  /** What is still held, when the stream ended before any content. */
  rest(): Buffer;
  /** The upstream has reported an error instead of content. */
  hasFailed(): boolean;
};

/** Bytes held at most: what is longer than that is no mere opening. */
const mostHeld = 64 * 1024;
/** Bytes looked at at a time, so that of a large first piece only the beginning is. */
const slice = 1024;

/** Holds back the events that open a stream and say nothing yet, so that a failure right behind them can still go to another target. */
export function createOpeningGate(dialect: Dialect): OpeningGate {
  let held: Buffer[] = [];
  let size = 0;
  let hasContent = false;
  let failed = false;
  const parser = createSseParser((name, data) => {
    if (hasContent || failed) return;
    const kind = dialect.beginningOf(name, data);
    hasContent = kind === "content";
    failed = kind === "error";
  });

  function take(): Buffer {
    const all = held.length === 1 ? held[0]! : Buffer.concat(held);
    held = [];
    return all;
  }

  return {
    push(chunk) {
      held.push(chunk);
      size += chunk.length;
      for (let at = 0; at < chunk.length && !hasContent && !failed; at += slice)
        parser.push(chunk.subarray(at, at + slice));
      return hasContent || size > mostHeld ? take() : undefined;
    },
    rest: take,
    hasFailed: () => failed,
  };
}
