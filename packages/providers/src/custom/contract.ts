import type { Conversation } from "@trunkline/contracts";

/** What a custom provider's module exports as `createProvider`: called once, with the entry's `options`. */
export type CustomProviderFactory = (
  options: Readonly<Record<string, unknown>>,
) => CustomProvider | Promise<CustomProvider>;

export type CustomProvider = {
  /** Model names, or how to ask for them. */
  readonly models: readonly string[] | (() => Promise<readonly string[]>);
  /** Whose models they are, for prices and thinking signatures; `custom` when absent. */
  readonly family?: string;
  /** What it cannot do is refused or degraded before it is asked. All false when absent. */
  readonly can?: { readonly tools?: boolean; readonly images?: boolean; readonly jsonSchema?: boolean };
  /** One answer, piece by piece. Throw an error with a `status` such as 429 or 503 to be passed over and rested like any other. */
  generate(request: CustomRequest): AsyncIterable<CustomPiece>;
};

export type CustomRequest = {
  readonly requestId: string;
  readonly model: string;
  /** All instructions, joined. */
  readonly system: string;
  /** What was said, as text. */
  readonly messages: readonly { readonly role: "user" | "assistant"; readonly text: string }[];
  /** All of it, with files, tools and settings. */
  readonly conversation: Conversation;
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  /** Aborted when the client leaves: stop what costs. */
  readonly signal: AbortSignal;
};

/** Text, or something else. */
export type CustomPiece =
  | string
  | { readonly reasoning: string }
  | { readonly toolCall: { readonly id?: string; readonly name: string; readonly input: unknown } }
  | { readonly usage: { readonly inputTokens: number; readonly outputTokens: number } }
  | { readonly finish: "length" | "content-filter" };
