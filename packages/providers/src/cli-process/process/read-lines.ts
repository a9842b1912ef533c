import { StringDecoder } from "node:string_decoder";

export type LineReader = {
  push(chunk: Buffer): void;
  /** The end of the output: what is left without a line feed is a line too. */
  end(): void;
};

export type LineLimits = {
  /** Longest line, in characters. */
  readonly line: number;
  readonly onTooLong: () => void;
};

/** Cuts output into lines, whatever the pieces it comes in. Empty lines are left out. */
export function createLineReader(onLine: (line: string) => void, limits: LineLimits): LineReader {
  const decoder = new StringDecoder("utf8");
  // Pieces of an unfinished line, joined once: adding to one string for megabytes would copy it again and again.
  let pieces: string[] = [];
  let length = 0;
  let stopped = false;

  function keep(piece: string): void {
    if (piece === "") return;
    pieces.push(piece);
    length += piece.length;
    if (length > limits.line) {
      stopped = true;
      pieces = [];
      limits.onTooLong();
    }
  }

  function finish(): void {
    const line = pieces.length === 1 ? pieces[0]! : pieces.join("");
    pieces = [];
    length = 0;
    const trimmed = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (trimmed.trim() !== "") onLine(trimmed);
  }

  function take(text: string): void {
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0 && !stopped; at = text.indexOf("\n", from)) {
      keep(text.slice(from, at));
      if (!stopped) finish();
      from = at + 1;
    }
    if (!stopped) keep(text.slice(from));
  }

  return {
    push(chunk) {
      if (!stopped) take(decoder.write(chunk));
    },
    end() {
      if (stopped) return;
      take(decoder.end());
      if (!stopped && length > 0) finish();
    },
  };
}
