import type { Conversation, ExchangeRecord, LedgerWriter } from "@trunkline/contracts";
import type {
  AnswerRedaction,
  Limits,
  Policy,
  ResponseCache,
  RetryBudget,
  TargetHealth,
  TargetLoads,
} from "@trunkline/policies";
import type { Catalogue, Target } from "./catalogue.ts";
import type { Planner } from "./routing/planner.ts";
import type { RetryRules } from "./walk.ts";
import type { ResponseStore } from "./response-state.ts";

/** Everything an exchange needs, put together once per configuration. */
export type ExchangeRuntime = {
  readonly catalogue: Catalogue;
  readonly planner: Planner;
  readonly health: TargetHealth;
  readonly loads: TargetLoads;
  /** Absent where answers are not cached. */
  readonly cache: ResponseCache | undefined;
  /** Absent where nobody has set any. */
  readonly limits: Limits | undefined;
  /** Nano-USD so many tokens would cost; undefined when the price is not known. */
  readonly price: (target: Target, tokens: { input: number; output: number }) => number | undefined;
  readonly retries: RetryRules;
  readonly retryBudget: RetryBudget;
  /** Run in this order, all before a provider hears of the request. */
  readonly policies: readonly Policy[];
  readonly ledger: LedgerWriter;
  readonly responses: ResponseStore;
  /** Whether Responses are kept when the client does not say; OpenAI keeps them. */
  readonly storeByDefault: boolean;
  /** Milliseconds of silence on a stream before a heartbeat; 0 sends none. */
  readonly heartbeatMs: number;
  /** Counts a conversation's tokens as well as can be done here. */
  readonly countTokens: (conversation: Conversation) => Promise<number>;
  /** Takes credentials out of a provider's answer; undefined where its bytes may pass as they are. */
  readonly redaction: (provider: string, requestId: string) => AnswerRedaction | undefined;
  readonly now: () => number;
  readonly onFinished: (record: ExchangeRecord, cause: unknown) => void;
};
