import { GatewayError, type FailureClass, type KillSwitch, type Strategy } from "@trunkline/contracts";
import type { Target } from "../catalogue.ts";
import type { RequestFacts } from "./request-facts.ts";

/** What is to become of a target: it is asked in its turn; only when no other is left; or not at all. */
export type Verdict = "try" | "last-resort" | "skip";

/** One target of a plan, in the order they are asked. */
export type Candidate = {
  /** `provider/model`. */
  readonly name: string;
  readonly target: Target;
  /** After which failures the next one is asked. */
  readonly fallbackOn: readonly FailureClass[];
  readonly verdict: Verdict;
  /** Why it stands here, or why it is passed over. */
  readonly why: string;
  /** Until when it is passed over, in milliseconds since the epoch; null when that is not known or it is not. */
  readonly until: number | null;
  /** What the request ends with when this was its best hope. */
  readonly error: GatewayError | undefined;
};

/** What would happen to a request, and why: made before the first target is asked, and shown by `trunkline route explain`. */
export type Plan = {
  /** The pattern of the route that matched, or the virtual model's name; empty for a model asked for by its own name. */
  readonly route: string;
  readonly strategy: Strategy | "auto" | "direct";
  /** The names the request's model went by, from the client's own. */
  readonly names: readonly string[];
  readonly candidates: readonly Candidate[];
};

export type PlanQuestion = {
  readonly facts: RequestFacts;
  readonly killSwitches: readonly KillSwitch[];
  /** What else speaks against a target for this request; undefined when nothing does. */
  readonly refuse: (target: Target) => GatewayError | undefined;
  /** What the request says of other targets than the first. */
  readonly fallback: FallbackWish;
  /** Only to tell what would be: no turn is taken. */
  readonly isPeek: boolean;
};

export type FallbackWish = {
  /** False keeps to the first target. */
  readonly isAllowed: boolean;
  /** A provider to ask when all others have failed. */
  readonly provider: string | undefined;
};

/** The error of a plan in which nobody can be asked: of the target that is there again soonest, else of the first. */
export function hopeless({ candidates, route }: Plan): GatewayError {
  const soonest = candidates
    .filter(({ until }) => until !== null)
    .toSorted((a, b) => a.until! - b.until!)
    .find(({ error }) => error !== undefined);
  const found = soonest?.error ?? candidates.find(({ error }) => error !== undefined)?.error;
  if (found) return found;
  const reasons = candidates.map(({ name, why }) => `${name} is ${why}`).join("; ");
  return new GatewayError(
    "no_target",
    `No target of the route '${route}' takes this request${reasons === "" ? "" : `: ${reasons}`}.`,
    { parameter: "model" },
  );
}
