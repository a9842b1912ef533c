import { GatewayError, type KillSwitch } from "@trunkline/contracts";
import { compileGlob } from "./glob.ts";
import type { Policy } from "./policy.ts";

/** The port kill switches need: those in force, at once when they are fresh enough. */
export type KillSwitchReader = { active(): readonly KillSwitch[] | Promise<readonly KillSwitch[]> };

/** Turns away whom a switch over everything or over this key is set for, and leaves the others for when the target is known. */
export function killSwitch(reader: KillSwitchReader): Policy {
  return function killSwitchPolicy(context) {
    const check = (switches: readonly KillSwitch[]) => {
      context.killSwitches = switches;
      if (switches.length === 0) return;
      const found = switches.find(
        ({ scope, name }) => scope === "everything" || (scope === "key" && name === context.key?.id),
      );
      if (found) throw switchedOff(found, found.scope === "key" ? `The key '${context.key!.name}'` : "The gateway");
    };
    const switches = reader.active();
    return switches instanceof Promise ? switches.then(check) : check(switches);
  };
}

export type KillTarget = {
  /** The model as the client named it. */
  readonly requested: string;
  readonly provider: string;
  readonly model: string;
};

/** The error for a target whose provider or model is switched off, under whichever of its names; undefined when none is. */
export function refusalOf(
  switches: readonly KillSwitch[],
  { requested, provider, model }: KillTarget,
): GatewayError | undefined {
  for (const found of switches) {
    if (found.scope === "provider" && found.name === provider) return switchedOff(found, `The provider '${provider}'`);
    if (found.scope === "model" && [requested, model, `${provider}/${model}`].some(compileGlob(found.name)))
      return switchedOff(found, `The model '${requested}'`);
  }
  return undefined;
}

/** The error for a route that is switched off; undefined when it is not. */
export function refusalOfRoute(switches: readonly KillSwitch[], pattern: string): GatewayError | undefined {
  if (switches.length === 0 || pattern === "") return undefined;
  const found = switches.find(({ scope, name }) => scope === "route" && name === pattern);
  return found && switchedOff(found, `The route '${pattern}'`);
}

function switchedOff({ reason }: KillSwitch, what: string): GatewayError {
  return new GatewayError("switched_off", `${what} is switched off by the operator${reason ? `: ${reason}` : ""}.`, {
    shouldRetry: false,
  });
}
