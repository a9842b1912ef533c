import type { ExchangeRecord } from "@trunkline/contracts";
import pino, { type Logger } from "pino";

/** Paths whose values never reach the log. */
const secretPaths = [
  "*.authorization",
  "*.api_key",
  "*.apiKey",
  "*.secret",
  "*.password",
  "*.headers",
  "authorization",
  "api_key",
  "secret",
  "password",
  "key",
];

/** Credentials as they look in running text: an upstream may quote one back to us. */
const secretText = /\b(?:tlw?-|whsec_|sk-|xai-|gsk_|AIza|csk-)[A-Za-z0-9_-]{8,}|Bearer\s+[A-Za-z0-9._~+/-]{8,}=*/g;

/** Removes what looks like a credential. */
export function scrub(text: string): string {
  return text.replace(secretText, "[redacted]");
}

export type LogOptions = {
  readonly level: string;
  readonly file: string;
  /** Also show warnings and errors on standard error. */
  readonly terminal: boolean;
};

export type Log = {
  readonly log: Logger;
  /** The line of a finished exchange. */
  exchange(record: ExchangeRecord): void;
  reopen(): void;
  close(): Promise<void>;
};

let lastMs = 0;
let lastTime = "";

/** Many requests end in the same millisecond; its text is made once. */
function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastTime = new Date(ms).toISOString();
  }
  return lastTime;
}

/** Characters of exchange lines that are handed on at once. */
const handedOnAt = 8192;

/** JSON lines in a file of the owner's, written off the request's way. */
export function createLog({ level, file, terminal }: LogOptions): Log {
  const destination = pino.destination({
    dest: file,
    mode: 0o600,
    mkdir: true,
    sync: false,
    minLength: 4096,
  });
  // A log that cannot be opened or written is said once and ends nothing: answers matter more.
  let said = false;
  destination.on("error", (error: Error) => {
    if (!said) process.stderr.write(`warning: the log cannot be written: ${error.message}\n`);
    said = true;
  });
  const opened = new Promise<void>((resolve) => {
    destination.once("ready", () => resolve());
    destination.once("error", () => resolve());
  });
  const streams: pino.StreamEntry[] = [{ level: "trace", stream: destination }];
  if (terminal)
    streams.push({ level: "warn", stream: { write: (line: string) => void process.stderr.write(humanLine(line)) } });
  const log = pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretPaths, censor: "[redacted]" },
      hooks: { streamWrite: scrub },
    },
    pino.multistream(streams),
  );
  /** Exchange lines not yet handed on: the destination looks through all it holds at every write. */
  let lines = "";
  function handOn(): void {
    if (lines !== "") destination.write(lines);
    lines = "";
  }
  const flush = setInterval(() => {
    handOn();
    destination.flush();
  }, 1000);
  flush.unref();
  return {
    log,
    /**
     * Put together by hand, for it is written with every request: pino takes as long for it as the ledger for its row. Every member is
     * known to be harmless, so looking for secrets is left out too.
     */
    exchange(record) {
      if (!log.isLevelEnabled("info")) return;
      const line = {
        level: 30,
        time: isoTime(record.startedAt + record.durationMs),
        requestId: record.id,
        keyId: record.keyId,
        dialect: record.dialect,
        model: record.requestedModel,
        provider: record.provider,
        status: record.status,
        ms: record.durationMs,
        code: record.errorCode ?? undefined,
        traceId: record.trace?.traceId,
        msg: "exchange",
      };
      lines += `${JSON.stringify(line)}\n`;
      if (lines.length >= handedOnAt) handOn();
    },
    reopen: () => destination.reopen(),
    /** Writes out what waits; the file is opened in the background, so this may have to wait for it. */
    async close() {
      clearInterval(flush);
      await opened;
      try {
        handOn();
        destination.flushSync();
      } catch {
        // The listener above has said why.
      }
      destination.destroy();
    },
  };
}

function humanLine(line: string): string {
  const { level, msg, err } = JSON.parse(line) as { level: number; msg: string; err?: { message?: string } };
  const because = err?.message ? `: ${err.message}` : "";
  return `${level >= 50 ? "error" : "warning"}: ${msg}${because}\n`;
}
