import { createHash } from "node:crypto";
import type { Strategy } from "@trunkline/contracts";
import type { TargetLoads } from "@trunkline/policies";
import type { Target } from "../catalogue.ts";
import { usualOutputTokens } from "../estimate-tokens.ts";
import { affinityOf, inputTokens, type RequestFacts } from "./request-facts.ts";
import type { Rotation } from "./rotation.ts";

/** A target that may answer, with its share. */
export type Choice = {
  /** `provider/model`. */
  readonly name: string;
  readonly target: Target;
  readonly weight: number;
};

/** What strategies choose by. */
export type OrderContext = {
  /** The route's pattern. */
  readonly route: string;
  /** Names of all the route's targets, in its order. */
  readonly names: readonly string[];
  readonly facts: RequestFacts;
  readonly loads: TargetLoads;
  readonly rotation: Rotation;
  /** Nano-USD a request of so many tokens would cost; undefined when the price is not known. */
  readonly price: (target: Target, tokens: { input: number; output: number }) => number | undefined;
  /** Only to tell what would be: nobody's turn is taken. */
  readonly isPeek: boolean;
};

export type Ordered<T> = { readonly choice: T; readonly why: string };

/** Why a target of a plain list stands where it does. */
export const inOrder = "listed in this order";

type Order = <T extends Choice>(choices: readonly T[], context: OrderContext) => Ordered<T>[];

function by<T extends Choice>(
  choices: readonly T[],
  rank: (choice: T) => number,
  why: (choice: T, rank: number) => string,
): Ordered<T>[] {
  return choices
    .map((choice) => ({ choice, rank: rank(choice) }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ choice, rank: found }) => ({ choice, why: why(choice, found) }));
}

const orders: Readonly<Record<Strategy, Order>> = {
  priority: (choices) => choices.map((choice) => ({ choice, why: inOrder })),
  weighted: (choices, { route, rotation, isPeek }) =>
    rotation.weighted(route, choices, isPeek).map((choice, index) => ({
      choice,
      why: index === 0 ? `its turn by weight ${choice.weight}` : `weight ${choice.weight}`,
    })),
  "round-robin": (choices, { route, names, rotation, isPeek }) =>
    rotation
      .next(route, names, choices, isPeek)
      .map((choice, index) => ({ choice, why: index === 0 ? "its turn" : "its turn comes later" })),
  "least-busy": (choices, { loads }) =>
    by(
      choices,
      ({ target, weight }) => loads.active(target.provider.name, target.model) / (weight || 1),
      ({ target }) => `${loads.active(target.provider.name, target.model)} requests running`,
    ),
  "lowest-latency": (choices, { loads, facts }) => {
    const latency = ({ target }: Choice) => loads.latency(target.provider.name, target.model, facts.now);
    return by(
      choices,
      // Whoever has not been measured is asked first: there is no other way to learn it.
      (choice) => (latency(choice) ?? -1) * (1 + loads.active(choice.target.provider.name, choice.target.model)),
      (choice) => {
        const found = latency(choice);
        return found === undefined ? "not measured yet" : `first content after about ${Math.round(found)} ms`;
      },
    );
  },
  cheapest: (choices, { price, facts }) => {
    const tokens = { input: inputTokens(facts), output: usualOutputTokens };
    return by(
      choices,
      ({ target }) => price(target, tokens) ?? Number.POSITIVE_INFINITY,
      (_choice, cost) =>
        Number.isFinite(cost) ? `about $${(cost / 1e9).toFixed(6)} for such a request` : "price not known",
    );
  },
  sticky: (choices, { facts }) => {
    const session = affinityOf(facts);
    // Rendezvous hashing: when a target goes, only its own conversations move.
    const score = ({ name, weight }: Choice) => {
      const digest = createHash("sha256").update(`${session}\n${name}`).digest();
      const uniform = (digest.readUIntBE(0, 6) + 1) / (2 ** 48 + 1);
      return weight / -Math.log(uniform);
    };
    return by(
      choices,
      (choice) => -score(choice),
      () => "by the conversation it belongs to",
    );
  },
};

/** The choices in the order they are asked, each with why it stands where it does. */
export function orderBy<T extends Choice>(
  strategy: Strategy,
  choices: readonly T[],
  context: OrderContext,
): Ordered<T>[] {
  if (strategy === "priority") return orders.priority(choices, context);
  // No share of the requests: only there when the others fail, in the order they are listed.
  const behind = choices.filter(({ weight }) => weight === 0);
  if (behind.length === 0 || behind.length === choices.length) return orders[strategy](choices, context);
  return [
    ...orders[strategy](
      choices.filter(({ weight }) => weight > 0),
      context,
    ),
    ...behind.map((choice) => ({ choice, why: "stands in when the others fail" })),
  ];
}
