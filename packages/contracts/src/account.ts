/** What an account has used up of one of its plan's windows, as the vendor told. */
export type QuotaWindow = {
  /** Such as `five_hour`, `seven_day`, `seven_day_opus`. */
  readonly type: string;
  readonly status: "allowed" | "allowed_warning" | "rejected";
  /** Used share, 0 to 1; null when not told. */
  readonly utilization: number | null;
  /** Milliseconds since the epoch. */
  readonly resetsAt: number | null;
  /** The request was billed beyond the plan. */
  readonly isUsingOverage: boolean;
  readonly overageStatus: string | null;
  readonly overageResetsAt: number | null;
  readonly overageDisabledReason: string | null;
  readonly observedAt: number;
};

/** What outlives a process of what is known about an account. */
export type AccountState = {
  readonly windows: readonly QuotaWindow[];
  /** Not used before; milliseconds since the epoch. */
  readonly restUntil: number;
  readonly reason: string | null;
  readonly signedOut: boolean;
};

/** One account as the operator sees it. Times are milliseconds since the epoch. */
export type AccountReport = {
  readonly name: string;
  readonly state: "ready" | "resting" | "signed-out";
  /** Why it is not ready; null when it is. */
  readonly reason: string | null;
  /** When it is tried again. */
  readonly until: number | null;
  readonly windows: readonly QuotaWindow[];
};
