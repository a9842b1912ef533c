import { GatewayError, type AccountReport, type AccountState, type QuotaWindow } from "@trunkline/contracts";
import type { Account } from "./driver.ts";

/** Where account states are kept. */
export type AccountStateStore = {
  load(provider: string): Promise<ReadonlyMap<string, AccountState>>;
  save(provider: string, account: string, state: AccountState): Promise<void>;
};

const fresh: AccountState = { windows: [], restUntil: 0, reason: null, signedOut: false };

const rateLimited = "its vendor's rate limit is reached";

export function noAccounts(provider: string): GatewayError {
  return new GatewayError(
    "account_signed_out",
    `The provider '${provider}' has no account. The operator must run \`trunkline accounts add ${provider}\`.`,
  );
}

/** A signed-out account is looked at again soon: the operator may have signed in meanwhile. */
const signedOutRestMs = 60_000;
/** When the vendor does not say when a window resets. */
const unknownResetMs = 15 * 60_000;

export function createAccountStates(options: {
  readonly provider: string;
  readonly accounts: readonly Account[];
  readonly store: AccountStateStore;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}) {
  const { accounts, now, provider } = options;
  const states = new Map<string, AccountState>();
  const active = new Map<string, number>();
  let loading: Promise<void> | undefined;

  const stateOf = (name: string) => states.get(name) ?? fresh;

  function load(): Promise<void> {
    loading ??= options.store.load(provider).then(
      (stored) => {
        for (const [name, state] of stored) if (!states.has(name)) states.set(name, state);
      },
      (error: unknown) => options.onError(error),
    );
    return loading;
  }

  function change(name: string, members: Partial<AccountState>): void {
    const state = { ...stateOf(name), ...members };
    states.set(name, state);
    options.store.save(provider, name, state).catch(options.onError);
  }

  /** Until when, and why, an account has nothing left to give. */
  function exhausted(account: Account): { until: number; reason: string } | undefined {
    for (const window of stateOf(account.name).windows) {
      const until = window.resetsAt ?? window.observedAt + unknownResetMs;
      if (until <= now()) continue;
      const paid = window.overageStatus !== null && window.overageStatus !== "rejected" && !account.planLimitsOnly;
      if ((window.status === "rejected" || (window.utilization ?? 0) >= 1) && !paid)
        return { until, reason: `its ${window.type} window is used up` };
      if (account.planLimitsOnly && window.isUsingOverage)
        return { until, reason: `it would be billed beyond its plan (${window.type})` };
    }
    return undefined;
  }

  function resting(account: Account): { until: number; reason: string; signedOut: boolean } | undefined {
    const state = stateOf(account.name);
    if (state.restUntil > now())
      return { until: state.restUntil, reason: state.reason ?? "it rests", signedOut: state.signedOut };
    const spent = exhausted(account);
    return spent && { ...spent, signedOut: false };
  }

  function used(account: Account): number {
    return Math.max(0, ...stateOf(account.name).windows.map(({ utilization }) => utilization ?? 0));
  }

  return {
    load,
    /**
     * The account to use: the preferred one if it can be, else of those that can, the least busy, then the least used up. `bound` allows no
     * other. Throws what the soonest of them waits for.
     */
    pick(
      without: ReadonlySet<string>,
      { bound, preferred }: { readonly bound: string | undefined; readonly preferred: string | undefined },
    ): Account {
      const able = accounts.filter(
        (account) => !without.has(account.name) && !resting(account) && (bound === undefined || account.name === bound),
      );
      const busy = ({ name }: Account) => active.get(name) ?? 0;
      const chosen =
        able.find(({ name }) => name === preferred) ??
        able.toSorted((a, b) => busy(a) - busy(b) || used(a) - used(b))[0];
      if (chosen) return chosen;
      if (accounts.length === 0) throw noAccounts(provider);
      const reasons = accounts.flatMap((account) => {
        const rest = resting(account);
        return rest ? [{ account, ...rest }] : [];
      });
      const soonest = reasons.toSorted((a, b) => a.until - b.until)[0];
      if (!soonest)
        throw new GatewayError("provider_unavailable", `The provider '${provider}' has no account left to try.`);
      if (reasons.every(({ signedOut }) => signedOut)) {
        throw new GatewayError(
          "account_signed_out",
          `The account '${soonest.account.name}' of the provider '${provider}' is signed out; your own key is fine. The operator must run \`trunkline accounts login ${provider}\`.`,
        );
      }
      throw new GatewayError(
        soonest.reason === rateLimited ? "upstream_rate_limited" : "account_quota_exceeded",
        `No account of the provider '${provider}' can be used before ${new Date(soonest.until).toISOString()}: of '${soonest.account.name}', ${soonest.reason}.`,
        { retryAfterMs: Math.max(1000, soonest.until - now()) },
      );
    },
    begin(account: Account): () => void {
      active.set(account.name, (active.get(account.name) ?? 0) + 1);
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        active.set(account.name, active.get(account.name)! - 1);
      };
    },
    worked(account: Account): void {
      if (stateOf(account.name).restUntil > 0) change(account.name, { restUntil: 0, reason: null, signedOut: false });
    },
    /** Takes note of a failure that is the account's. True when another account might do better. */
    failed(account: Account, error: GatewayError): boolean {
      const rest = (ms: number, reason: string, signedOut = false) => {
        change(account.name, { restUntil: now() + ms, reason, signedOut });
        return true;
      };
      switch (error.code) {
        case "account_signed_out":
          return rest(signedOutRestMs, "it is signed out", true);
        case "account_quota_exceeded":
          return rest(error.details.retryAfterMs ?? unknownResetMs, "its plan limit is used up");
        case "upstream_quota_exceeded":
          return rest(unknownResetMs, "it is out of credit beyond its plan");
        case "upstream_rate_limited":
          return rest(error.details.retryAfterMs ?? 10_000, rateLimited);
        default:
          return false;
      }
    },
    quota(account: Account, windows: readonly QuotaWindow[]): void {
      if (windows.length === 0) return;
      const kept = stateOf(account.name).windows.filter(({ type }) => !windows.some((window) => window.type === type));
      change(account.name, { windows: [...kept, ...windows] });
    },
    report(): AccountReport[] {
      return accounts.map((account) => {
        const rest = resting(account);
        return {
          name: account.name,
          state: rest === undefined ? "ready" : rest.signedOut ? "signed-out" : "resting",
          reason: rest?.reason ?? null,
          until: rest?.until ?? null,
          windows: stateOf(account.name).windows,
        };
      });
    },
    windowsOf: (account: Account) => stateOf(account.name).windows,
  };
}
