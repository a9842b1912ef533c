import type { GatewayError, Usage } from "@trunkline/contracts";

/** What is known of an answer besides its bytes. */
export type RecordedMeta = {
  readonly provider: string;
  readonly model: string;
  readonly usage: Usage | null;
  readonly finishReason: string | null;
  readonly serviceTier: string | null;
};

/** Hears an answer as it is made. */
export type RecordingListener = {
  begin(headers: Readonly<Record<string, string>>): void;
  write(chunk: string | Buffer): void;
  /** The answer is over: well, with an error that was told in its bytes, or broken off. */
  end(how: "ok" | "told" | "broken", meta: RecordedMeta | undefined): void;
  /** It never began. */
  fail(error: GatewayError): void;
};

/** An answer on its way to one client, kept so that others who ask the same get it too, from its beginning. */
export type Recording = ReturnType<typeof createRecording>;

export type RecordingOptions = {
  /** Bytes kept at most; what is longer goes to those who listen already and to nobody else. */
  readonly most: number;
  readonly now: number;
  /** It grew too long to be kept. */
  readonly onTooLong: () => void;
  /** The last who listened went away before its end. */
  readonly onLeft: () => void;
};

export function createRecording({ most, now, onTooLong, onLeft }: RecordingOptions) {
  const listeners = new Set<RecordingListener>();
  let headers: Readonly<Record<string, string>> | undefined;
  let chunks: (string | Buffer)[] = [];
  let size = 0;
  let isTooLong = false;
  let ended: { readonly how: "ok" | "told" | "broken"; readonly meta: RecordedMeta | undefined } | undefined;

  return {
    startedAt: now,
    begin(given: Readonly<Record<string, string>>): void {
      headers = given;
      for (const listener of listeners) listener.begin(given);
    },
    write(chunk: string | Buffer): void {
      size += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
      if (!isTooLong && size > most) {
        isTooLong = true;
        chunks = [];
        onTooLong();
      }
      if (!isTooLong) chunks.push(chunk);
      for (const listener of listeners) listener.write(chunk);
    },
    end(how: "ok" | "told" | "broken", meta?: RecordedMeta): void {
      if (ended) return;
      ended = { how, meta };
      for (const listener of listeners) listener.end(how, meta);
      listeners.clear();
    },
    fail(error: GatewayError): void {
      if (ended) return;
      ended = { how: "broken", meta: undefined };
      for (const listener of listeners) listener.fail(error);
      listeners.clear();
    },
    /** Tells what has been so far, and then what comes. Not for one that has grown too long. */
    follow(listener: RecordingListener): void {
      if (headers) listener.begin(headers);
      for (const chunk of chunks) listener.write(chunk);
      if (ended) listener.end(ended.how, ended.meta);
      else listeners.add(listener);
    },
    /** Somebody who listened went away. */
    leave(listener: RecordingListener): void {
      if (listeners.delete(listener) && listeners.size === 0) onLeft();
    },
    listeners: () => listeners.size,
    /** All of it, once it has ended well and if it is not too long. */
    whole: () =>
      ended?.how === "ok" && ended.meta && headers && !isTooLong ? { headers, chunks, meta: ended.meta } : undefined,
  };
}
