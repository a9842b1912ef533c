/** The client's side of an exchange: the HTTP response, as far as the exchange may touch it. */
export type ClientAnswer = {
  /** Sends status and headers. */
  begin(status: number, headers: Readonly<Record<string, string>>): void;
  /** False when the client reads slower than we write: wait for `onDrain`. */
  write(chunk: string | Buffer): boolean;
  end(chunk?: string | Buffer): void;
  /** The client went away already. */
  isClosed(): boolean;
  /** Breaks the connection: the only way to tell a client of a body cut short. */
  destroy(): void;
  onDrain(listener: () => void): void;
  /** The client went away before the end. */
  onClose(listener: () => void): void;
};
