import type { AssistantPart, Native } from "./conversation.ts";
import type { GatewayError } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import type { Usage } from "./usage.ts";

/** Why the model stopped, in our words; `native` on the event keeps the vendor's. */
export type FinishReason =
  | "stop"
  | "stop-sequence"
  | "length"
  | "context-length"
  | "tool-calls"
  | "content-filter"
  | "refusal"
  | "pause"
  | "other";

export type Finish = {
  readonly reason: FinishReason;
  /** The provider's own word, when there was one. */
  readonly native?: string;
  readonly stopSequence?: string;
};

/** One token of `logprobs`, in OpenAI's shape, which is the richest. */
export type TokenLogprob = {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null;
  readonly top_logprobs?: readonly JsonValue[];
};

export type Choice = {
  readonly index: number;
  readonly content: readonly AssistantPart[];
  readonly finish: Finish;
  readonly logprobs?: readonly TokenLogprob[];
};

/** A whole answer in our own form. */
export type Completion = {
  readonly id: string;
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly choices: readonly Choice[];
  readonly usage?: Usage;
  readonly serviceTier?: string;
  readonly systemFingerprint?: string;
};

/** What a stream is made of. `choice` is the choice's index; `id` names a block within the answer, unique while it is open. */
export type StreamEvent =
  | {
      readonly type: "start";
      readonly id: string;
      readonly model: string;
      readonly created: number;
      readonly usage?: Usage;
      readonly serviceTier?: string;
      readonly systemFingerprint?: string;
    }
  | { readonly type: "text-start"; readonly choice: number; readonly id: string }
  | {
      readonly type: "text-delta";
      readonly choice: number;
      readonly id: string;
      readonly text: string;
      readonly logprobs?: readonly TokenLogprob[];
    }
  | { readonly type: "text-end"; readonly choice: number; readonly id: string; readonly native?: Native }
  | { readonly type: "reasoning-start"; readonly choice: number; readonly id: string }
  | { readonly type: "reasoning-delta"; readonly choice: number; readonly id: string; readonly text: string }
  | {
      readonly type: "reasoning-end";
      readonly choice: number;
      readonly id: string;
      readonly redacted?: boolean;
      readonly native?: Native;
    }
  | { readonly type: "refusal-delta"; readonly choice: number; readonly id: string; readonly text: string }
  | {
      readonly type: "tool-input-start";
      readonly choice: number;
      /** The call's id. */
      readonly id: string;
      readonly name: string;
      readonly kind: "function" | "custom";
      readonly namespace?: string;
      readonly native?: Native;
    }
  | { readonly type: "tool-input-delta"; readonly choice: number; readonly id: string; readonly delta: string }
  | { readonly type: "tool-input-end"; readonly choice: number; readonly id: string }
  | { readonly type: "source"; readonly choice: number; readonly id: string; readonly citation: Native }
  | {
      readonly type: "file";
      readonly choice: number;
      readonly id: string;
      readonly mediaType: string;
      readonly data: string;
    }
  | { readonly type: "native"; readonly choice: number; readonly id: string; readonly native: Native }
  | { readonly type: "finish"; readonly choice: number; readonly finish: Finish }
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "heartbeat" }
  | { readonly type: "error"; readonly error: GatewayError }
  /** The upstream said it was done. A stream without it ended early. */
  | { readonly type: "end" };

/** Takes one event; called in order, synchronously. */
export type EmitEvent = (event: StreamEvent) => void;
