import type { Call, ClientRequest, HttpClient } from "../http1/client.ts";
import type { AnswerHandler } from "../http1/connection.ts";
import type { TokenSource } from "./token-source.ts";

/**
 * A client that signs every request with the token of the moment. A request that is answered 401 is sent once more with another token:
 * the one it had may have been revoked before its end.
 */
export function signedClient(
  client: HttpClient,
  tokens: TokenSource,
  headerFor: (token: string) => Readonly<Record<string, string>>,
): HttpClient {
  return {
    send(request, handler) {
      return new SignedCall(client, tokens, headerFor, request, handler).begin();
    },
    close: () => client.close(),
  };
}

class SignedCall implements Call, AnswerHandler {
  private inner: Call | undefined;
  private token = "";
  private isPaused = false;
  private isOver = false;
  private isSecond = false;
  /** What still comes of an answer that was given up is nobody's. */
  private swallow = false;
  private readonly client: HttpClient;
  private readonly tokens: TokenSource;
  private readonly headerFor: (token: string) => Readonly<Record<string, string>>;
  private readonly request: ClientRequest;
  private readonly handler: AnswerHandler;

  constructor(
    client: HttpClient,
    tokens: TokenSource,
    headerFor: (token: string) => Readonly<Record<string, string>>,
    request: ClientRequest,
    handler: AnswerHandler,
  ) {
    this.client = client;
    this.tokens = tokens;
    this.headerFor = headerFor;
    this.request = request;
    this.handler = handler;
  }

  begin(): this {
    const token = this.tokens.current();
    if (token !== undefined) this.send(token);
    else
      this.tokens.obtain().then(
        (obtained) => this.send(obtained),
        (error: unknown) => this.error(error),
      );
    return this;
  }

  private send(token: string): void {
    if (this.isOver) return;
    this.token = token;
    try {
      const headers = { ...this.request.headers, ...this.headerFor(token) };
      this.inner = this.client.send({ ...this.request, headers }, this);
      if (this.isPaused) this.inner.pause();
    } catch (error) {
      this.error(error);
    }
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (status !== 401 || this.isSecond) return this.handler.head(status, headers);
    this.isSecond = true;
    const refused = this.inner;
    // The refusal may come before there is a call to cancel.
    queueMicrotask(() => (refused ?? this.inner)?.cancel());
    this.swallow = true;
    this.tokens.insteadOf(this.token).then(
      (token) => {
        this.swallow = false;
        if (this.isOver) return;
        if (token !== undefined && token !== this.token) return this.send(token);
        this.handler.head(status, headers);
        this.end();
      },
      (error: unknown) => {
        this.swallow = false;
        this.error(error);
      },
    );
  }

  data(chunk: Buffer): void {
    if (!this.swallow && !this.isOver) this.handler.data(chunk);
  }

  end(): void {
    if (this.swallow || this.isOver) return;
    this.isOver = true;
    this.handler.end();
  }

  error(error: unknown): void {
    if (this.swallow || this.isOver) return;
    this.isOver = true;
    this.handler.error(error);
  }

  cancel(): void {
    this.isOver = true;
    this.inner?.cancel();
  }

  pause(): void {
    this.isPaused = true;
    this.inner?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.inner?.resume();
  }
}
