export const budgetPeriods = ["hour", "day", "week", "month"] as const;
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** How much may be used in a stretch of time. */
export type Budget = {
  readonly unit: "usd" | "requests";
  /** Nano-USD, or requests. Reached is used up. */
  readonly amount: number;
  /** From here on answers carry a warning; null never warns. */
  readonly softAmount: number | null;
  readonly per: BudgetPeriod;
  /** The last hour, 24 hours, 7 or 30 days, instead of those of the calendar. */
  readonly isRolling: boolean;
  /** IANA time zone of the calendar. */
  readonly zone: string;
};

/** What one key, user, group, provider or model may use; null members are unlimited. */
export type LimitRules = {
  /** Requests a minute. */
  readonly rpm: number | null;
  /** Tokens a minute: all, of the input, of the output. */
  readonly tpm: number | null;
  readonly inputTpm: number | null;
  readonly outputTpm: number | null;
  /** Requests at once. */
  readonly concurrent: number | null;
  readonly budgets: readonly Budget[];
};

export const noLimits: LimitRules = {
  rpm: null,
  tpm: null,
  inputTpm: null,
  outputTpm: null,
  concurrent: null,
  budgets: [],
};

/** What one request wants of one budget. Times are milliseconds since the epoch. */
export type BudgetWish = {
  readonly budget: string;
  /** What was used since then counts; what is set aside is booked at `slot`. */
  readonly since: number;
  readonly slot: number;
  readonly limit: number;
  readonly amount: number;
};

/** Something set aside in a budget, or given back. */
export type BudgetAmount = Pick<BudgetWish, "budget" | "slot" | "amount">;

export type BudgetAnswer = {
  readonly granted: boolean;
  /** What was used and set aside of each budget before this request, in the order they were asked for. */
  readonly used: readonly number[];
};

/** What is used up and set aside of a budget. */
export type BudgetState = { readonly spent: number; readonly reserved: number };
