import type { Conversation, ExchangeRecord, LedgerWriter } from "@trunkline/contracts";
import type { AnswerRedaction, Policy } from "@trunkline/policies";
import type { Catalogue } from "./catalogue.ts";
import type { ResponseStore } from "./response-state.ts";

/** Everything an exchange needs, put together once per configuration. */
export type ExchangeRuntime = {
  readonly catalogue: Catalogue;
  /** Run in this order, all before a provider hears of the request. */
  readonly policies: readonly Policy[];
  readonly ledger: LedgerWriter;
  readonly responses: ResponseStore;
  /** Whether Responses are kept when the client does not say; OpenAI keeps them. */
  readonly storeByDefault: boolean;
  /** Milliseconds of silence on a stream before a heartbeat; 0 sends none. */
  readonly heartbeatMs: number;
  /** Tries at a provider whose connection could not be made. */
  readonly connectAttempts: number;
  /** Counts a conversation's tokens as well as can be done here. */
  readonly countTokens: (conversation: Conversation) => Promise<number>;
  /** Takes credentials out of a provider's answer; undefined where its bytes may pass as they are. */
  readonly redaction: (provider: string, requestId: string) => AnswerRedaction | undefined;
  readonly now: () => number;
  readonly onFinished: (record: ExchangeRecord, cause: unknown) => void;
};
