import type { Provider } from "@trunkline/providers";
import { isoTime } from "./iso-time.ts";

export type QuotaBucket = {
  readonly provider: string;
  readonly account: string;
  readonly type: string;
  readonly status: string;
  readonly utilization: number | null;
  readonly resetsAt: string | null;
  readonly isUsingOverage: boolean;
  readonly overageStatus: string | null;
  readonly overageResetsAt: string | null;
  readonly overageDisabledReason: string | null;
  readonly observedAt: string | null;
};

export type Quota = {
  readonly accounts: readonly {
    readonly provider: string;
    readonly account: string;
    readonly state: string;
    readonly reason: string | null;
    readonly until: string | null;
  }[];
  readonly buckets: readonly QuotaBucket[];
  readonly asOf: string;
};

/** What every account has used up of its plan's windows, as last told by its vendor. Times are ISO 8601. */
export async function readQuota(providers: readonly Provider[]): Promise<Quota> {
  const reports = await Promise.all(
    providers.map(async (provider) =>
      (await (provider.accounts?.() ?? [])).map((account) => ({ provider: provider.name, account })),
    ),
  );
  const all = reports.flat();
  return {
    accounts: all.map(({ provider, account }) => ({
      provider,
      account: account.name,
      state: account.state,
      reason: account.reason,
      until: isoTime(account.until),
    })),
    buckets: all.flatMap(({ provider, account }) =>
      account.windows.map((window) => ({
        provider,
        account: account.name,
        type: window.type,
        status: window.status,
        utilization: window.utilization,
        resetsAt: isoTime(window.resetsAt),
        isUsingOverage: window.isUsingOverage,
        overageStatus: window.overageStatus,
        overageResetsAt: isoTime(window.overageResetsAt),
        overageDisabledReason: window.overageDisabledReason,
        observedAt: isoTime(window.observedAt),
      })),
    ),
    asOf: new Date().toISOString(),
  };
}
