import type {
  Completion,
  Conversation,
  DialectName,
  EmitEvent,
  GatewayError,
  JsonObject,
  StreamEvent,
  Usage,
} from "@trunkline/contracts";
import type { ToolNames } from "./shared/tool-names.ts";

/**
 * What one upstream understands of its dialect, as data. Presets fill it (`providers/http-api/presets.ts`);
 * encoders read it and never ask for a provider's name.
 */
export type TargetTraits = {
  /** Family of the models behind it: native data of this family is handed back, of any other dropped. */
  readonly family: string;
  /** Chat: the member that caps the output. */
  readonly maxTokensField: "max_tokens" | "max_completion_tokens";
  /** Chat: what `developer` becomes. */
  readonly developerRole: "developer" | "system";
  /** Chat: the member past thoughts are handed back in, if the upstream wants them. */
  readonly reasoningField: "reasoning_content" | "reasoning" | null;
  /** Chat: takes and gives `reasoning_details` (OpenRouter's form, which carries signatures). */
  readonly reasoningDetails: boolean;
  /** Takes `reasoning_effort`. */
  readonly reasoningEffort: boolean;
  /** Structured output: full schema, only "some JSON", or none. */
  readonly jsonOutput: "schema" | "object" | "none";
  /** Takes freeform (`custom`) tools as they are. */
  readonly customTools: boolean;
  /** Takes `cache_control` breakpoints. */
  readonly cacheControl: boolean;
  /** Takes http(s) addresses of images and files; otherwise they must be fetched and sent inline. */
  readonly mediaByUrl: boolean;
  /** Chat: gives usage in a stream when asked by `stream_options`. */
  readonly streamUsage: boolean;
  /** Body members this upstream refuses, listed as degraded when a client sent them. */
  readonly refuses: readonly string[];
  /** Anthropic: what `max_tokens` is when the client set none. */
  readonly defaultMaxTokens: number;
};

export const plainTraits: TargetTraits = {
  family: "other",
  maxTokensField: "max_tokens",
  developerRole: "system",
  reasoningField: null,
  reasoningDetails: false,
  reasoningEffort: false,
  jsonOutput: "schema",
  customTools: false,
  cacheControl: false,
  mediaByUrl: true,
  streamUsage: true,
  refuses: [],
  defaultMaxTokens: 32_000,
};

export type EncodedRequest = {
  readonly body: JsonObject;
  /** Members of the client's request that the target cannot honour and that do not change the answer's form. */
  readonly degraded: readonly string[];
  readonly toolNames: ToolNames;
};

/** Turns an upstream's stream into events. `event` and `close` never throw; what is unreadable becomes an error event. */
export type StreamDecoder = {
  event(name: string, data: string, emit: EmitEvent): void;
  /** The upstream's bytes ended; an error event follows if its terminal event never came. */
  close(emit: EmitEvent): void;
};

/** What the encoders of an answer need to know of the request. */
export type AnswerContext = {
  /** The model name the client asked for, echoed. */
  readonly model: string;
  /** The request's own top-level members, for dialects that echo them. */
  readonly echo: JsonObject;
  /** Chat: the client wants the extra usage chunk. */
  readonly includeUsage: boolean;
  /** Our count of the input, for dialects that must say it before the upstream does. */
  readonly estimatedInputTokens: number;
  /** Gemini: a JSON array instead of server-sent events. */
  readonly asJsonArray: boolean;
  readonly requestId: string;
  readonly now: number;
};

/** Turns events into the bytes of a client's stream, one string per event (empty when the event says nothing there). */
export type StreamEncoder = {
  readonly contentType: string;
  encode(event: StreamEvent): string;
  /** Responses: the finished response object, once `end` was encoded. */
  result?(): JsonObject | undefined;
};

/** An upstream's failure, read from its status and body. */
export type UpstreamFailure = {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly body: string;
};

export type ErrorBody = { readonly status: number; readonly body: JsonObject };

/** Reads usage out of an answer that is passed through as it is. */
export type UsageTap = {
  /** Matches in every event of interest, so that others need not even be taken apart; undefined when all are of interest. ASCII only. */
  readonly sign: RegExp | undefined;
  /** One SSE event's data. Returns true once this event must be withheld from the client. */
  event(name: string, data: string): boolean;
  result(): TapResult;
};

export type TapResult = {
  readonly usage: Usage | undefined;
  readonly finishReason: string | undefined;
  readonly serviceTier: string | undefined;
  /** The answer's own id (Responses needs it to find it again). */
  readonly id: string | undefined;
  /** The terminal event was seen. */
  readonly complete: boolean;
  /** The error the upstream reported inside its stream. */
  readonly error: GatewayError | undefined;
};

/** One wire API, both directions. Pure: no input or output, no clock. */
export type Dialect = {
  readonly name: DialectName;
  /** Where answers name the model, whole or as a stream's events; a pass-through puts the requested name there. */
  readonly modelPaths: readonly (readonly string[])[];
  /** Throws GatewayError `invalid_request` when the body is not one of this dialect. `model` overrides the body's. */
  decodeRequest(body: JsonObject, model?: string): Conversation;
  /** Throws GatewayError `unsupported_parameter` when the target could only answer in another form than asked. */
  encodeRequest(conversation: Conversation, model: string, traits: TargetTraits): EncodedRequest;
  decodeResponse(body: JsonObject): Completion;
  encodeResponse(completion: Completion, context: AnswerContext): JsonObject;
  createStreamDecoder(): StreamDecoder;
  createStreamEncoder(context: AnswerContext): StreamEncoder;
  /** Reads a whole answer without translating it. */
  readResponse(body: JsonObject): TapResult;
  createUsageTap(options: { readonly withholdUsage: boolean }): UsageTap;
  /** What an event at a stream's beginning is: as long as nothing but openings came, another target may still answer instead. */
  beginningOf(name: string, data: string): "opening" | "error" | "content";
  decodeError(failure: UpstreamFailure): GatewayError;
  encodeError(error: GatewayError, requestId: string): ErrorBody;
};
