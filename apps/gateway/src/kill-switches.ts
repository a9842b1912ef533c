import type { KillSwitch } from "@trunkline/contracts";
import type { KillSwitchReader } from "@trunkline/policies";
import type { Environment } from "./config/environment.ts";

/**
 * Milliseconds: what was read longer ago is read again. Whoever sets a switch and waits this long knows that every process beside the
 * database heeds it from its next request on.
 */
export const killSwitchFreshMs = 500;

/** Milliseconds a database gets to tell them before what was last known is taken again. */
const giveUpMs = 1000;

const yes = /^(?:true|1|yes|on)$/i;
const no = /^(?:false|0|no|off)$/i;

/** What `TRUNKLINE_ENABLED` and `TRUNKLINE_DISABLE_<PROVIDER>` say. */
type Wishes = { readonly everything: boolean; readonly variables: readonly string[] };

const prefix = "TRUNKLINE_DISABLE_";

function variableOf(provider: string): string {
  return prefix + provider.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

function flag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined || value === "") return undefined;
  if (yes.test(value)) return true;
  if (no.test(value)) return false;
  throw new Error(`${name} must be true or false, not '${value.slice(0, 40)}'.`);
}

/** Throws for a value that is neither true nor false: a switch that is not understood must not be taken for one that is off. */
export function readWishes(environment: Environment): Wishes {
  const variables = Object.keys(environment).filter(
    (name) => name.startsWith(prefix) && flag(name, environment[name]) === true,
  );
  return { everything: flag("TRUNKLINE_ENABLED", environment["TRUNKLINE_ENABLED"]) === false, variables };
}

/** The environment's switches, as far as there are such providers, and the variables that name none. */
export function environmentSwitches(
  { everything, variables }: Wishes,
  providers: readonly string[],
  setAt: number,
): { switches: KillSwitch[]; unknown: readonly string[] } {
  const switches: KillSwitch[] = providers
    .filter((name) => variables.includes(variableOf(name)))
    .map((name) => ({ scope: "provider", name, reason: "", setAt, setBy: variableOf(name) }));
  if (everything) switches.unshift({ scope: "everything", name: "", reason: "", setAt, setBy: "TRUNKLINE_ENABLED" });
  const known = new Set(providers.map(variableOf));
  return { switches, unknown: variables.filter((name) => !known.has(name)) };
}

export type KillSwitchesOptions = {
  /** Those of the database. */
  readonly read: () => Promise<readonly KillSwitch[]>;
  /** Those that stand beside them. */
  readonly fixed: () => readonly KillSwitch[];
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
};

/** What is in force. While the database does not answer, what was last known goes on, for a lost database is no reason to stop. */
export function createKillSwitches({
  read,
  fixed,
  now,
  onError,
}: KillSwitchesOptions): KillSwitchReader & { known(): readonly KillSwitch[] } {
  let stored: readonly KillSwitch[] = [];
  let known: readonly KillSwitch[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<readonly KillSwitch[]> | undefined;

  async function look(): Promise<readonly KillSwitch[]> {
    const begunAt = now();
    try {
      stored = await inTime(read());
    } catch (error) {
      onError(error);
    }
    known = [...fixed(), ...stored];
    // From its beginning: what was set while it was read may be missing.
    readAt = begunAt;
    reading = undefined;
    return known;
  }

  return {
    /** As last read. */
    known: () => known,
    active: () => (now() - readAt < killSwitchFreshMs ? known : (reading ??= look())),
  };
}

function inTime<T>(reading: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The database did not answer within ${giveUpMs} ms.`)), giveUpMs);
    reading.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
