import type { GatewayError, Key, Reservation } from "@trunkline/contracts";

/** A request as limits see it. Tokens and cost are estimates. */
export type LimitDemand = {
  readonly requestId: string;
  readonly key: Key | undefined;
  readonly provider: string;
  /** The model's name at the provider. */
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Nano-USD; 0 when the price is not known. */
  readonly cost: () => number;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

/** What a request holds while it runs: a place among those that may run at once, tokens of a minute, money set aside. */
export type LimitHold = {
  /** To be settled with the ledger's row. */
  readonly reservations: readonly Omit<Reservation, "isUsed">[];
  /** A soft limit was passed: told in the answer's header. */
  readonly warnings: readonly string[];
  /** Gives the place back and puts what was used in the place of what was estimated. Once. */
  end(used: { readonly inputTokens: number; readonly outputTokens: number }): void;
};

/** The port of limits that are known only once the target is. */
export type Limits = {
  /**
   * Lets a request in by the limits of its key, user and group (`request`), or of its provider and model (`target`). Undefined when there
   * are none. Throws, or rejects with, `rate_limited` or `budget_exceeded`.
   */
  enter(stage: "request" | "target", demand: LimitDemand): LimitHold | undefined | Promise<LimitHold | undefined>;
  /** The error a target is passed over for, when it is known already that it is over a limit. */
  look(
    provider: string,
    model: string,
    now: number,
  ): { readonly until: number; readonly error: GatewayError } | undefined;
};
