import type { JsonObject, JsonValue } from "./json.ts";

/** One wire API. */
export type DialectName = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini";

/**
 * Data only its maker can read (a thinking signature, `encrypted_content`, an unknown block), with the model family that made it.
 * It survives a round trip byte for byte and is dropped, never faked, when the family at the other end differs.
 */
export type Native = { readonly family: string; readonly value: JsonValue };

/** Anthropic's prompt-cache breakpoint. */
export type CacheControl = { readonly type: "ephemeral"; readonly ttl?: "5m" | "1h" };

export type TextPart = {
  readonly type: "text";
  readonly text: string;
  readonly cacheControl?: CacheControl;
  /** The vendor's own citation objects on this text. */
  readonly citations?: Native;
  readonly native?: Native;
};

export type MediaSource =
  | { readonly kind: "base64"; readonly data: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "text"; readonly text: string }
  /** A file held by the vendor: useful only to that family. */
  | { readonly kind: "file"; readonly id: string; readonly family: string };

/** An image, a document or audio. `mediaType` may be a range such as `image/*` when the client did not say. */
export type FilePart = {
  readonly type: "file";
  readonly mediaType: string;
  readonly source: MediaSource;
  readonly filename?: string;
  readonly detail?: string;
  readonly cacheControl?: CacheControl;
  readonly native?: Native;
};

export type ReasoningPart = {
  readonly type: "reasoning";
  readonly text: string;
  /** The maker hid the text; `native` holds what must be handed back. */
  readonly redacted?: boolean;
  readonly native?: Native;
};

export type ToolCallPart = {
  readonly type: "tool-call";
  readonly id: string;
  readonly name: string;
  /** JSON text for a function, any text for a custom tool, exactly as the model wrote it. */
  readonly input: string;
  readonly kind: "function" | "custom";
  readonly namespace?: string;
  readonly cacheControl?: CacheControl;
  readonly native?: Native;
};

export type ToolResultPart = {
  readonly type: "tool-result";
  readonly callId: string;
  readonly name?: string;
  readonly kind?: "function" | "custom";
  readonly isError?: boolean;
  readonly content: readonly (TextPart | FilePart)[];
  readonly cacheControl?: CacheControl;
};

export type RefusalPart = { readonly type: "refusal"; readonly text: string };

/** A block of one vendor that has no counterpart elsewhere. */
export type NativePart = { readonly type: "native"; readonly native: Native };

export type UserPart = TextPart | FilePart | NativePart;
export type AssistantPart = TextPart | ReasoningPart | ToolCallPart | RefusalPart | FilePart | NativePart;

export type Message =
  | { readonly role: "system" | "developer"; readonly content: readonly (TextPart | FilePart)[] }
  | { readonly role: "user"; readonly content: readonly UserPart[]; readonly name?: string }
  | { readonly role: "assistant"; readonly content: readonly AssistantPart[]; readonly name?: string }
  | { readonly role: "tool"; readonly content: readonly ToolResultPart[] };

export type FunctionTool = {
  readonly kind: "function";
  readonly name: string;
  readonly description?: string;
  readonly parameters?: JsonObject;
  readonly strict?: boolean;
  /** The namespace tool this function came in, if any; the call is addressed by both. */
  readonly namespace?: string;
  readonly cacheControl?: CacheControl;
};

export type Tool =
  | FunctionTool
  /** Freeform text in, as Codex's `apply_patch`; `format` is the vendor's grammar object. */
  | { readonly kind: "custom"; readonly name: string; readonly description?: string; readonly format?: JsonObject }
  /** A tool the vendor runs itself (web search, code execution). */
  | { readonly kind: "native"; readonly label: string; readonly native: Native };

export type ToolChoice =
  | { readonly mode: "auto" | "none" | "required" }
  | { readonly mode: "tool"; readonly name: string; readonly kind?: "function" | "custom" }
  | { readonly mode: "allowed"; readonly names: readonly string[]; readonly required: boolean };

export type ResponseFormat =
  | { readonly type: "text" | "json" }
  | {
      readonly type: "json-schema";
      readonly name?: string;
      readonly description?: string;
      readonly schema: JsonObject;
      readonly strict?: boolean;
    };

export type ReasoningSettings = {
  /** The client's word: none, minimal, low, medium, high, xhigh, max. */
  readonly effort?: string;
  /** Tokens the model may think for; -1 lets it decide. */
  readonly budgetTokens?: number;
  readonly adaptive?: boolean;
  readonly summary?: string;
  /** The client wants to see thoughts (Gemini `includeThoughts`). */
  readonly visible?: boolean;
};

export type Settings = {
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  /** Number of choices, 1 when absent. */
  readonly choices?: number;
  readonly logprobs?: boolean;
  readonly topLogprobs?: number;
  readonly logitBias?: JsonObject;
  readonly reasoning?: ReasoningSettings;
  readonly responseFormat?: ResponseFormat;
  readonly parallelToolCalls?: boolean;
  readonly serviceTier?: string;
  readonly verbosity?: string;
  readonly user?: string;
  readonly metadata?: JsonObject;
  readonly promptCacheKey?: string;
};

/** One request in our own form, whichever dialect it came in. */
export type Conversation = {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly settings: Settings;
  readonly stream: boolean;
  /** Top-level members no other dialect knows, for the degradation report. */
  readonly unknown: readonly string[];
};
