import type { LimitRules, Reservation } from "@trunkline/contracts";

/** Whose limits: `key:<id>`, `user:<name>`, `group:<name>`, `provider:<name>` or `model:<glob>`. */
export type LimitSubject = {
  readonly name: string;
  /** For people: `The key 'laptop'`. */
  readonly label: string;
  readonly rules: LimitRules;
};

/** One request at one of its two gates. Plain data, so that one process can ask another. */
export type LimitQuestion = {
  /** Unique among all that are held. */
  readonly id: string;
  readonly subjects: readonly LimitSubject[];
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Nano-USD. */
  readonly cost: number;
  readonly now: number;
};

export type TokenState = {
  readonly kind: "tokens" | "input-tokens" | "output-tokens";
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
};

export type LimitRefusal = {
  readonly subject: string;
  readonly code: "rate_limited" | "budget_exceeded";
  readonly message: string;
  /** Milliseconds since the epoch; null when it is over as soon as another request ends. */
  readonly until: number | null;
};

export type LimitAnswer =
  | {
      readonly granted: true;
      readonly reservations: readonly Omit<Reservation, "isUsed">[];
      readonly warnings: readonly string[];
      readonly tokens: readonly TokenState[];
    }
  | { readonly granted: false; readonly refusal: LimitRefusal; readonly tokens: readonly TokenState[] };

/** What is used up of one limit, as an operator sees it. */
export type LimitReport = {
  readonly subject: string;
  readonly limit: string;
  readonly used: string;
  readonly most: string;
  readonly state: "ok" | "soft" | "reached";
  /** Used share of it, 0 to 1 and beyond. */
  readonly share: number;
  /** What is left of a budget, in USD; null where it is no money. */
  readonly remainingUsd: number | null;
  /** Milliseconds since the epoch. */
  readonly resetsAt: number | null;
};
