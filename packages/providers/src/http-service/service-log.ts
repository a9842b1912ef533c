import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from "node:fs";
import { dirname } from "node:path";

/** Bytes that may wait for the disk before more are dropped. */
const mostWaiting = 1024 * 1024;

export type ServiceLog = {
  /** What the process wrote. */
  write(bytes: Buffer): void;
  /** A line of ours between what it wrote. */
  note(text: string): void;
  /** Another process writes from now on. */
  renew(): void;
  /** Bytes written by the process within the last full minute or so. */
  readonly perMinute: number;
  readonly dropped: number;
  close(): Promise<void>;
};

/** What a process writes, in a file that grows to a limit and is then put aside once: it takes at most twice that of the disk. */
export function createServiceLog(file: string, maxBytes: number, now: () => number): ServiceLog {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  let stream = open();
  let dropped = 0;
  let minuteFrom = now();
  let inMinute = 0;

  function open(): WriteStream {
    const opened = createWriteStream(file, { flags: "a", mode: 0o600 });
    // A full disk: the service goes on, its log does not.
    opened.on("error", () => {});
    return opened;
  }

  function append(bytes: Buffer | string): void {
    if (stream.writableLength > mostWaiting || stream.destroyed) {
      dropped += bytes.length;
      return;
    }
    if (size > maxBytes) {
      stream.end();
      try {
        renameSync(file, `${file}.1`);
      } catch {
        // Gone already.
      }
      stream = open();
      size = 0;
    }
    size += bytes.length;
    stream.write(bytes);
  }

  return {
    write(bytes) {
      if (now() - minuteFrom >= 60_000) {
        minuteFrom = now();
        inMinute = 0;
      }
      inMinute += bytes.length;
      append(bytes);
    },
    renew() {
      minuteFrom = now();
      inMinute = 0;
    },
    note: (text) => append(`--- ${new Date(now()).toISOString()} ${text}\n`),
    get perMinute() {
      return inMinute;
    },
    get dropped() {
      return dropped;
    },
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}
