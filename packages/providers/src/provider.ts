import type {
  AccountReport,
  Completion,
  Conversation,
  DialectName,
  GatewayError,
  JsonObject,
  Operation,
  StreamEvent,
} from "@trunkline/contracts";
import type { RequestBody } from "@trunkline/dialects";
import type { SignIn } from "./credentials/sign-in.ts";

/** What a source of models can do. What it cannot is refused or degraded before anything is sent. */
export type Capabilities = {
  /** Text arrives as it is made. */
  readonly streamsDeltas: boolean;
  readonly tools: "native" | "envelope" | "none";
  readonly images: boolean;
  readonly jsonSchema: boolean;
  readonly samplingParameters: boolean;
  readonly usage: "exact" | "estimated";
  /** Conversations the provider itself remembers, so that only the new turn is sent. */
  readonly sessions: boolean;
  /** It tells how much of a plan is used up. */
  readonly quota: boolean;
  readonly embeddings: boolean;
};

/** One request on its way to a provider. */
export type ProviderRequest = {
  readonly id: string;
  readonly operation: Operation;
  /** The client's dialect. */
  readonly dialect: DialectName;
  /** The model's name at the provider. */
  readonly model: string;
  /** The name the client used. */
  readonly requestedModel: string;
  readonly stream: boolean;
  /** The client's body: as it came for a provider that speaks the same dialect, else parsed. */
  readonly body: RequestBody;
  /** Gemini's embeddings of many inputs have an operation of their own. */
  readonly batch: boolean;
  /** Headers of the client that mean something to the vendor, lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Id of the client's key: sessions belong to it. */
  readonly keyId: string;
  /** The session this turn belongs to: its id, or `new` to begin one. */
  readonly session: string | undefined;
  readonly priority: Priority;
  /** The answer is looked at on its way: bytes of the client's own dialect must not pass through. */
  readonly asEvents: boolean;
  /** The request in our own form; decoded at the first call. Throws GatewayError when it cannot be. */
  conversation(): Conversation;
};

/** Whose turn comes first where requests wait for a place. */
export type Priority = "high" | "normal" | "low";

/** Where an answer goes. Exactly one of `done` and `fail` ends it; nothing is called after that. */
export type AnswerSink = {
  /** Bytes in the client's own dialect follow. */
  head(head: { readonly contentType: string }): void;
  data(chunk: Buffer): void;
  /** Or events of our own. */
  event(event: StreamEvent): void;
  /** Or a whole answer in our own form. */
  completion(completion: Completion): void;
  /** Or a finished body in the client's dialect (token counts, embeddings). */
  json(body: JsonObject, tokens: { readonly input: number; readonly estimated: boolean }): void;
  /** Members the target could not honour. */
  degraded(members: readonly string[]): void;
  /** Headers for the answer, as long as it has not begun. */
  headers(headers: Readonly<Record<string, string>>): void;
  /** The upstream's HTTP status, once known. */
  status(status: number): void;
  done(): void;
  fail(error: GatewayError): void;
};

/** A running call. Cancelling stops the upstream; the sink hears nothing more. */
export type ProviderCall = {
  cancel(): void;
  pause(): void;
  resume(): void;
};

export type ModelInfo = {
  readonly id: string;
  readonly displayName?: string;
  /** Seconds since the epoch, when known. */
  readonly created?: number;
  readonly inputTokenLimit?: number;
  readonly outputTokenLimit?: number;
};

/** A configured source of models. */
export type Provider = {
  readonly name: string;
  readonly kind: string;
  readonly family: string;
  readonly capabilities: Capabilities;
  /** The dialect spoken upstream for this request, or the kind's name when it has none. */
  dialectFor(dialect: DialectName, operation: Operation): string;
  /** True for a bare model name that is surely this vendor's (`claude-…` is Anthropic's). */
  claims(model: string): boolean;
  /** Whether there is such a model at all; absent where only the provider itself can tell. */
  has?(model: string): boolean;
  /** Whether the operation can be done at all; token counts that cannot are estimated. */
  supports(operation: Operation, dialect: DialectName): boolean;
  start(request: ProviderRequest, sink: AnswerSink): ProviderCall;
  /** The provider's own list. Throws GatewayError. */
  listModels(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** Asks for something the provider itself keeps, such as `/responses/{id}`. Absent where nothing is kept. Throws GatewayError. */
  forward?(method: "GET" | "DELETE", path: string): Promise<string>;
  /** How many requests run and wait; absent where nothing waits. */
  queue?(): { readonly active: number; readonly waiting: number };
  /** What is known of its accounts; absent where there is nothing to know. */
  accounts?(): Promise<readonly AccountReport[]>;
  /** Asks the vendors how much of their plans is used, where they can be asked; which accounts could not be, and why. */
  refreshQuota?(): Promise<readonly { readonly account: string; readonly problem: string }[]>;
  /** The vendor's program behind it, where there is one: `claude`, `codex`, … */
  readonly program?: string;
  /** The gateway stops: what still runs is ended, and its clients are told. Absent where nothing outlives its connection. */
  abandon?(): Promise<void>;
  /** How an operator signs in to it; absent where that is not done here. */
  readonly signIn?: SignIn;
  /** Another provider, or `provider/model`, that answers when this one cannot, before the answer has begun. */
  readonly fallback?: string;
  close(): Promise<void>;
};
