import { userInfo } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { killScopes, type KillScope, type KillSwitchEntry } from "@trunkline/contracts";
import { killSwitchFreshMs } from "../../kill-switches.ts";
import { isoTime } from "../../iso-time.ts";
import { CommandError, exitCodes, table, withStore, type CommandContext } from "../context.ts";
import { keyNamed } from "./keys.ts";
import { withProviders } from "./providers.ts";

/** Newest entries `kills --all` shows. */
const mostShown = 200;

type Named = { readonly scope: KillScope; readonly name: string };

/** What a command line names. Throws CommandError. */
function parse([scope, name = ""]: readonly string[]): Named {
  const known = killScopes.find((each) => each === scope);
  if (known === undefined)
    throw new CommandError(`There is ${killScopes.join(", ")} to switch off, not '${scope}'.`, exitCodes.usage);
  if (known === "everything" && name !== "") throw new CommandError("`everything` takes no name.", exitCodes.usage);
  if (known !== "everything" && (name === "" || name.length > 256))
    throw new CommandError(`Name the ${known}, in 1 to 256 characters.`, exitCodes.usage);
  return { scope: known, name };
}

async function checkProvider(context: CommandContext, name: string): Promise<void> {
  const names = await withProviders(context, async ({ providers, failures }) =>
    [...providers, ...failures].map((provider) => provider.name),
  );
  if (!names.includes(name)) throw new CommandError(`There is no provider '${name}'. There are: ${names.join(", ")}.`);
}

/** A key goes by its id, which stays when it is renamed. */
async function resolve(context: CommandContext, named: Named): Promise<Named> {
  if (named.scope !== "key") return named;
  const key = await withStore(context, (store) => keyNamed(store, named.name));
  return { scope: "key", name: key.id };
}

function actor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A user without an entry in the system's list, as in containers.
    return `cli:${process.getuid?.() ?? "unknown"}`;
  }
}

function label({ scope, name }: Named): string {
  return scope === "everything" ? "Everything" : `The ${scope} '${name}'`;
}

export async function kill(context: CommandContext, args: readonly string[], reason: string): Promise<number> {
  if (reason.length > 500) throw new CommandError("--reason takes at most 500 characters.", exitCodes.usage);
  const named = await resolve(context, parse(args));
  if (named.scope === "provider") await checkProvider(context, named.name);
  const isNew = await withStore(context, (store) =>
    store.killSwitches.set({ ...named, reason, setAt: Date.now(), setBy: actor() }),
  );
  await wait(killSwitchFreshMs);
  context.print({ ...named, killed: true, changed: isNew }, () =>
    isNew
      ? `${label(named)} is switched off from the next request on.`
      : `${label(named)} was switched off already; its first reason stays.`,
  );
  return exitCodes.ok;
}

export async function unkill(context: CommandContext, args: readonly string[]): Promise<number> {
  const named = await resolve(context, parse(args));
  const lifted = await withStore(context, (store) =>
    store.killSwitches.lift(named.scope, named.name, Date.now(), actor()),
  );
  if (!lifted)
    throw new CommandError(`${label(named)} is not switched off here. List what is with \`npx trunkline kills\`.`);
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
