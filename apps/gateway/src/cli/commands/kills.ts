import { setTimeout as wait } from "node:timers/promises";
import { GatewayError, killScopes, type KillScope, type KillSwitchEntry } from "@trunkline/contracts";
import { loadConfig } from "../../config/load-config.ts";
import { killSwitchOf } from "../../kill-switch-name.ts";
import { killSwitchFreshMs } from "../../kill-switches.ts";
import { isoTime } from "../../iso-time.ts";
import { audited, cliActor } from "../audited.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";
import { withProviders } from "./providers.ts";

/** Newest entries `kills --all` shows. */
const mostShown = 200;

type Named = { readonly scope: KillScope; readonly name: string };

/** What a command line names, which must be there. Throws CommandError. */
async function resolve(context: CommandContext, [scope, name]: readonly string[]): Promise<Named> {
  const config = loadConfig(context.home.configFile, context.environment);
  try {
    return await withProviders(context, ({ providers, failures }) =>
      withStore(context, (store) => killSwitchOf({ store, current: { providers, failures, config } }, scope, name)),
    );
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new CommandError(error.message, exitCodes.usage);
  }
}

function label({ scope, name }: Named): string {
  return scope === "everything" ? "Everything" : `The ${scope} '${name}'`;
}

export async function kill(context: CommandContext, args: readonly string[], reason: string): Promise<number> {
  if (reason.length > 500) throw new CommandError("--reason takes at most 500 characters.", exitCodes.usage);
  const named = await resolve(context, args);
  const isNew = await withStore(context, (store) =>
    audited(store, "kill-switch.set", `${named.scope} ${named.name}`.trim(), async ({ killSwitches }) => ({
      result: await killSwitches.set({ ...named, reason, setAt: Date.now(), setBy: cliActor() }),
      after: { ...named, reason },
    })),
  );
  await wait(killSwitchFreshMs);
  context.print({ ...named, killed: true, changed: isNew }, () =>
    isNew
      ? `${label(named)} is switched off from the next request on.`
      : `${label(named)} was switched off already; its first reason stays.`,
  );
  return exitCodes.ok;
}

/** What is lifted need not be there any more; only a key is looked up, for its name stands for its id. */
async function nameToLift(context: CommandContext, args: readonly string[]): Promise<Named> {
  const [scope, name = ""] = args;
  const known = killScopes.find((each) => each === scope);
  return known === undefined || known === "key" ? resolve(context, args) : { scope: known, name };
}

export async function unkill(context: CommandContext, args: readonly string[]): Promise<number> {
  const named = await nameToLift(context, args);
  await withStore(context, (store) =>
    audited(store, "kill-switch.lift", `${named.scope} ${named.name}`.trim(), async ({ killSwitches }) => {
      if (!(await killSwitches.lift(named.scope, named.name, Date.now(), cliActor())))
        throw new CommandError(`${label(named)} is not switched off here. List what is with \`npx trunkline kills\`.`);
      return { result: undefined, before: named };
    }),
  );
  await wait(killSwitchFreshMs);
  context.print({ ...named, killed: false, changed: true }, () => `${label(named)} is switched on again.`);
  return exitCodes.ok;
}

export async function listKills(context: CommandContext, all: boolean): Promise<number> {
  const entries = await withStore(context, ({ killSwitches }) =>
    all ? killSwitches.history(mostShown) : killSwitches.active(),
  );
  const row = (entry: KillSwitchEntry) => [
    entry.scope,
    entry.name || "-",
    isoTime(entry.setAt),
    entry.setBy,
    entry.liftedAt === null ? "in force" : `lifted ${isoTime(entry.liftedAt)} by ${entry.liftedBy}`,
    entry.reason || "-",
  ];
  context.print(
    entries.map((entry) => ({ ...entry, setAt: isoTime(entry.setAt), liftedAt: isoTime(entry.liftedAt) })),
    () =>
      entries.length === 0
        ? "Nothing is switched off."
        : table(["SCOPE", "NAME", "SINCE", "BY", "STATE", "REASON"], entries.map(row)),
  );
  return exitCodes.ok;
}
