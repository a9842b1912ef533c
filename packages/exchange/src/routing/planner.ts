import { GatewayError, usualFallbacks, type FailureClass } from "@trunkline/contracts";
import { refusalOf, type TargetHealth, type TargetLoads } from "@trunkline/policies";
import { LRUCache } from "lru-cache";
import type { Catalogue, Target } from "../catalogue.ts";
import { namedRoutes, type CompiledRoute, type CompiledTarget, type NamedRoute } from "./compile-routes.ts";
import { inOrder, orderBy, type Choice, type OrderContext } from "./order.ts";
import { fillIn } from "./pattern.ts";
import type { Candidate, Plan, PlanQuestion } from "./plan.ts";
import { restError } from "./rest-error.ts";
import type { Rotation } from "./rotation.ts";
import { rankModels, virtualModelOf, type VirtualModel } from "./virtual-models.ts";

export type PlannerOptions = {
  readonly catalogue: Catalogue;
  readonly routes: readonly CompiledRoute[];
  /** Globs of the models `auto-fast` and the others choose from. */
  readonly autoModels: readonly string[];
  readonly health: TargetHealth;
  readonly loads: TargetLoads;
  readonly rotation: Rotation;
  /** A target that is over one of its limits. */
  readonly overLimit: (
    target: Target,
    now: number,
  ) => { readonly until: number; readonly error: GatewayError } | undefined;
  readonly price: OrderContext["price"];
  /** What `price` needs first, when it needs something. */
  readonly beforePricing: () => Promise<void> | undefined;
};

export type Planner = {
  /** Throws GatewayError when the name means nothing. */
  plan(question: PlanQuestion): Plan | Promise<Plan>;
  /** Routes whose pattern is a plain name, with the target that is listed first: what clients can ask for besides models. */
  readonly named: readonly NamedRoute[];
  /** The plan of a request whose target is settled. */
  direct(target: Target, question: PlanQuestion): Plan | Promise<Plan>;
};

/** A route that matched a name, and its targets under that name. */
type Found = {
  readonly route: CompiledRoute;
  readonly proposals: readonly Proposal[];
  readonly names: readonly string[];
};
/** A target before it is known whether it can be asked. */
type Proposal = {
  readonly name: string;
  readonly target: Target;
  readonly weight: number;
  readonly fallbackOn: readonly FailureClass[];
  readonly unmet: CompiledTarget["unmet"] | undefined;
};

type Judged = Choice & { readonly candidate: Candidate };
const candidateOf = ({ candidate }: Judged): Candidate => candidate;

/** Names remembered: which route is theirs does not change while the configuration stands. */
const mostNames = 5000;
const mostAliases = 10;

/** Decides which targets may answer a request and in which order. Nothing is sent. */
export function createPlanner(options: PlannerOptions): Planner {
  const { catalogue, routes, health } = options;
  const found = new LRUCache<string, Found | false>({ max: mostNames });
  const byName = new Map(catalogue.providers.map((provider) => [provider.name, provider]));

  function routeOf(name: string): Found | undefined {
    if (routes.length === 0) return undefined;
    let known = found.get(name);
    if (known === undefined) {
      known = false;
      for (const route of routes) {
        const captures = route.matches(name);
        if (!captures) continue;
        const proposals = proposalsOf(route, captures);
        known = { route, proposals, names: proposals.map((proposal) => proposal.name) };
        break;
      }
      found.set(name, known);
    }
    return known || undefined;
  }

  function proposalsOf({ targets }: CompiledRoute, captures: readonly string[]): Proposal[] {
    return targets.map(({ template, weight, fallbackOn, unmet }): Proposal => {
      const name = fillIn(template, captures);
      const slash = name.indexOf("/");
      const provider = byName.get(name.slice(0, slash))!;
      return { name, target: { provider, model: name.slice(slash + 1) }, weight, fallbackOn, unmet };
    });
  }

  function proposalOf(target: Target, fallbackOn = usualFallbacks): Proposal {
    const name = `${target.provider.name}/${target.model}`;
    return { name, target, weight: 1, fallbackOn, unmet: undefined };
  }

  /** Whether a target may be asked, by everything but its strategy. */
  function judge({ name, target, fallbackOn, unmet }: Proposal, why: string, question: PlanQuestion): Candidate {
    const { facts, killSwitches } = question;
    const skip = (reason: string, until: number | null, error: GatewayError | undefined): Candidate => {
      return { name, target, fallbackOn, verdict: "skip", why: reason, until, error };
    };
    const reason = unmet?.(facts);
    if (reason !== undefined) return skip(reason, null, undefined);
    const { provider, model } = target;
    const refused =
      question.refuse(target) ?? refusalOf(killSwitches, { requested: facts.model, provider: provider.name, model });
    if (refused) return skip(refused.message, null, refused);
    const over = options.overLimit(target, facts.now);
    if (over) return skip(over.error.message, over.until, over.error);
    const rest = health.look(provider.name, model, facts.now);
    if (!rest) return { name, target, fallbackOn, verdict: "try", why, until: null, error: undefined };
    const error = restError(rest, name, facts.now);
    if (!rest.isLastResort) return skip(error.message, rest.until, error);
    return { name, target, fallbackOn, verdict: "last-resort", why: error.message, until: rest.until, error };
  }

  /** A provider's own stand-in, and the one the request names, come behind. */
  async function standIns(proposals: readonly Proposal[], { facts, fallback }: PlanQuestion): Promise<Proposal[]> {
    const all: Proposal[] = [];
    for (const proposal of proposals) {
      all.push(proposal);
      const name = proposal.target.provider.fallback;
      if (name === undefined) continue;
      const provider = byName.get(name);
      const standIn = provider
        ? { provider, model: proposal.target.model }
        : // A stand-in that does not exist is no reason to fail before it is needed.
          await Promise.resolve(name)
            .then(catalogue.resolve)
            .catch(() => undefined);
      if (standIn) all.push({ ...proposalOf(standIn), unmet: proposal.unmet });
    }
    if (fallback.provider !== undefined) {
      const provider = byName.get(fallback.provider);
      if (!provider)
        throw new GatewayError(
          "invalid_header_value",
          `X-SheLLM-Fallback-Provider names '${fallback.provider}', and there is no such provider. There are: ${[...byName.keys()].join(", ")}.`,
          { parameter: "X-SheLLM-Fallback-Provider" },
        );
      all.push(proposalOf({ provider, model: proposals[0]?.target.model ?? facts.model }));
    }
    return all.filter(({ name }, index) => all.findIndex((other) => other.name === name) === index);
  }

  /** Who rests goes behind, and who cannot be asked to the end. */
  function finish(plan: Plan, { fallback }: PlanQuestion): Plan {
    const isInOrder = plan.candidates.every(({ verdict }) => verdict === "try");
    if (isInOrder && (fallback.isAllowed || plan.candidates.length === 1)) return plan;
    const of = (verdict: Candidate["verdict"]) => plan.candidates.filter((candidate) => candidate.verdict === verdict);
    const resting = of("last-resort").toSorted((a, b) => a.until! - b.until!);
    const candidates = [...of("try"), ...resting, ...of("skip")];
    return { ...plan, candidates: fallback.isAllowed ? candidates : candidates.slice(0, 1) };
  }

  function routed(
    { route, proposals, names: own }: Found,
    names: readonly string[],
    question: PlanQuestion,
  ): Plan | Promise<Plan> {
    if (route.problem !== undefined)
      throw new GatewayError(
        "provider_unavailable",
        `The route '${route.pattern}' has a mistake: ${route.problem}. The operator finds it with \`trunkline doctor\`.`,
      );
    const ordered = (all: readonly Proposal[]): Plan => {
      const judged = all.map((proposal): Judged => {
        const { name, target, weight } = proposal;
        return { name, target, weight, candidate: judge(proposal, inOrder, question) };
      });
      // The usual case: nobody rests, and the order is the list's.
      if (route.strategy === "priority" && judged.every(({ candidate }) => candidate.verdict === "try"))
        return finish(
          { route: route.pattern, strategy: "priority", names, candidates: judged.map(candidateOf) },
          question,
        );
      const context: OrderContext = {
        route: route.pattern,
        names: all === proposals ? own : all.map(({ name }) => name),
        facts: question.facts,
        loads: options.loads,
        rotation: options.rotation,
        price: options.price,
        isPeek: question.isPeek,
      };
      const able = judged.filter(({ candidate }) => candidate.verdict === "try");
      const tried = orderBy(route.strategy, able, context).map(({ choice, why }) => ({ ...choice.candidate, why }));
      const rest = judged.filter(({ candidate }) => candidate.verdict !== "try").map(({ candidate }) => candidate);
      const candidates = [...tried, ...rest];
      return finish({ route: route.pattern, strategy: route.strategy, names, candidates }, question);
    };
    const pricing = route.strategy === "cheapest" ? options.beforePricing() : undefined;
    const isPlain =
      question.fallback.provider === undefined && proposals.every(({ target }) => !target.provider.fallback);
    if (isPlain && !pricing) return ordered(proposals);
    return Promise.resolve(pricing).then(async () => ordered(await standIns(proposals, question)));
  }

  async function virtual(name: VirtualModel, names: readonly string[], question: PlanQuestion): Promise<Plan> {
    const [models] = await Promise.all([catalogue.list(), options.beforePricing()]);
    const { autoModels: among, loads, price } = options;
    const ranked = rankModels(name, { facts: question.facts, models, among, loads, price });
    const candidates = ranked.map(({ target, why }) => judge(proposalOf(target), why, question));
    return finish({ route: name, strategy: "auto", names, candidates }, question);
  }

  function direct(target: Target, names: readonly string[], question: PlanQuestion): Plan | Promise<Plan> {
    const proposals = [proposalOf(target)];
    const made = (all: readonly Proposal[]): Plan => {
      const why = (index: number) => (index === 0 ? "asked for by name" : "stands in when the one before fails");
      const candidates = all.map((proposal, index) => judge(proposal, why(index), question));
      return finish({ route: "", strategy: "direct", names, candidates }, question);
    };
    if (target.provider.fallback === undefined && question.fallback.provider === undefined) return made(proposals);
    return standIns(proposals, question).then(made);
  }

  return {
    named: namedRoutes(routes, catalogue.providers),
    direct: (target, question) => direct(target, [question.facts.model], question),
    plan(question) {
      const names = [question.facts.model];
      for (let name = question.facts.model; ;) {
        const match = routeOf(name);
        if (match) return routed(match, names, question);
        const auto = virtualModelOf(name);
        if (auto) return virtual(auto, names, question);
        const next = Object.hasOwn(catalogue.aliases, name) ? catalogue.aliases[name] : undefined;
        // A circle was refused when the configuration was read, and ends here all the same.
        if (next === undefined || names.length > mostAliases) {
          const target = catalogue.resolve(name);
          return target instanceof Promise
            ? target.then((resolved) => direct(resolved, names, question))
            : direct(target, names, question);
        }
        names.push((name = next));
      }
    },
  };
}
