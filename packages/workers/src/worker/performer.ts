/** A request as the gateway asks for it. */
export type WorkRequest = {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for a request without one. */
  readonly body: Buffer;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
};

/** Where an answer goes. */
export type WorkAnswer = {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  /** Resolves when more may be sent: whoever waits for it holds no more than a window's worth. */
  data(bytes: Uint8Array): Promise<void>;
};

/** Makes requests. */
export type Performer = {
  /** Resolves when the answer is complete. Throws WorkError, or anything else for a fault of its own. */
  perform(request: WorkRequest, answer: WorkAnswer): Promise<void>;
  close(): Promise<void>;
};

export type WorkErrorCode = "unreachable" | "timeout" | "signed_out" | "refused" | "cancelled" | "internal";

/** Why a request failed, as the gateway is told. */
export class WorkError extends Error {
  readonly code: WorkErrorCode;
  constructor(code: WorkErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
