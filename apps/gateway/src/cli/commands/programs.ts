import { driverNames, loadCliProcess } from "@trunkline/providers";
import { toGatewayError } from "@trunkline/contracts";
import { accountsOf } from "../../config/accounts.ts";
import { loadConfig } from "../../config/load-config.ts";
import type { CliProviderConfig } from "../../config/schema.ts";
import { withStore, type CommandContext } from "../context.ts";

/** What is known of a vendor's program on this machine without asking its vendor. */
export type ProgramReport = {
  readonly program: string;
  readonly found: boolean;
  readonly version: string | null;
  readonly problem: string | null;
  readonly accounts: readonly { readonly name: string; readonly signedIn: string; readonly quota: string }[];
};

/** Each vendor's program there is a driver for: whether it is here, which version, who is signed in, and what is left of the plan. */
export async function reportPrograms(context: CommandContext): Promise<ProgramReport[]> {
  const { drivers, findProgram } = await loadCliProcess();
  const config = loadConfig(context.home.configFile, context.environment);
  return withStore(context, (store) =>
    Promise.all(
      driverNames.map(async (name): Promise<ProgramReport> => {
        const driver = drivers[name];
        const [providerName = name, entry] =
          Object.entries(config.providers).find(
            (pair): pair is [string, CliProviderConfig] =>
              pair[1].kind === "cli-process" && (pair[1].driver ?? pair[0]) === name,
          ) ?? [];
        const found = await findProgram(driver, entry?.command ?? driver.command, context.environment).then(
          ({ version }) => ({ version, problem: null }),
          (error: unknown) => ({ version: null, problem: toGatewayError(error).message }),
        );
        const states = await store.accountStates.load(providerName);
        return {
          program: name,
          found: found.version !== null,
          ...found,
          accounts: accountsOf(context.home, providerName, entry).map((account) => ({
            name: account.name,
            signedIn: driver.signIn(account).state,
            quota: quotaText(states.get(account.name)?.windows ?? []),
          })),
        };
      }),
    ),
  );
}

function quotaText(
  windows: readonly { readonly type: string; readonly utilization: number | null; readonly status: string }[],
): string {
  if (windows.length === 0) return "quota not told yet";
  return windows
    .map(
      ({ type, utilization, status }) =>
        `${type} ${utilization === null ? status : `${Math.round(utilization * 100)} %`}`,
    )
    .join(", ");
}
