import {
  toGatewayError,
  type Conversation,
  type GatewayError,
  type Key,
  type ReasoningSettings,
} from "@trunkline/contracts";
import { bodyOf, dialects, parseThinkingSuffix, RequestBody, thinkingMembers } from "@trunkline/dialects";
import { isModelAllowed, refusalOfRoute, type PolicyContext } from "@trunkline/policies";
import type { Target } from "./catalogue.ts";
import { claudeCodeTarget } from "./claude-code-mode.ts";
import type { Incoming } from "./incoming.ts";
import { cannot, keptElsewhere, notAllowed, noSessions } from "./refusals.ts";
import { withPrevious } from "./response-state.ts";
import type { Plan, PlanQuestion } from "./routing/plan.ts";
import type { RequestFacts } from "./routing/request-facts.ts";
import type { ExchangeRuntime } from "./runtime.ts";

/** A request that may go on, and where to. */
export type Prepared = {
  /** As it is sent: with what was said before, where it builds on that. */
  readonly incoming: Incoming;
  readonly plan: Plan;
  /** Decoded at the first call. Throws GatewayError. */
  readonly conversation: () => Conversation;
  /** The body for the model that is to answer. */
  readonly bodyFor: (model: string) => RequestBody;
};

/** Runs the policies and decides who may answer. Throws GatewayError. */
export async function prepare(runtime: ExchangeRuntime, received: Incoming, context: PolicyContext): Promise<Prepared> {
  for (const policy of runtime.policies) {
    const waiting = policy(context);
    if (waiting) await waiting;
  }
  const { key } = context;
  const previous =
    received.dialect === "openai-responses"
      ? await withPrevious(received.body, key?.id ?? "", runtime.responses)
      : undefined;
  const incoming = previous?.provider === null ? { ...received, body: bodyOf(previous.body) } : received;
  const question = questionFor(incoming, context, previous?.provider ?? undefined);
  const asked = planFor(runtime, incoming, context, question);
  const planning = asked instanceof Promise ? await asked : asked;
  const killed = refusalOfRoute(context.killSwitches, planning.route);
  if (killed) throw killed;
  const plan = incoming.session === undefined ? planning : { ...planning, candidates: planning.candidates.slice(0, 1) };
  const suffix = parseThinkingSuffix(incoming.model);
  return {
    incoming,
    plan,
    conversation: question.facts.conversation,
    bodyFor: (model) => (suffix ? thinkingBody(incoming, suffix.reasoning, model) : incoming.body),
  };
}

function planFor(
  runtime: ExchangeRuntime,
  incoming: Incoming,
  context: PolicyContext,
  question: PlanQuestion,
): Plan | Promise<Plan> {
  if (incoming.claudeCode === undefined) return runtime.planner.plan(question);
  context.answerHeaders["x-backend-mode"] = incoming.claudeCode ? "claude-code" : "openai-passthrough";
  return claudeCodeTarget(runtime.catalogue, question.facts.model, incoming.claudeCode).then((target) =>
    runtime.planner.direct(target, question),
  );
}

type Knowledge = Pick<PolicyContext, "key" | "killSwitches">;

/** What is asked of the planner; the same for a request and for the explanation of one. */
export function questionFor(
  incoming: Incoming,
  { key, killSwitches }: Knowledge,
  keeper: string | undefined,
  isPeek = false,
): PlanQuestion {
  const suffix = parseThinkingSuffix(incoming.model);
  let decoded: Conversation | undefined;
  const facts: RequestFacts = {
    model: suffix?.model ?? incoming.model,
    dialect: incoming.dialect,
    operation: incoming.operation,
    stream: incoming.stream,
    key,
    headers: incoming.headers,
    now: incoming.receivedAt,
    body: incoming.body,
    conversation: () => (decoded ??= decode(incoming, suffix?.reasoning)),
  };
  const refuse = (target: Target): GatewayError | undefined => {
    const { provider } = target;
    if (key && !allows(key, incoming.model, target)) return notAllowed(key, incoming.model);
    if (incoming.session !== undefined && !provider.capabilities.sessions) return noSessions(provider.name);
    if (keeper !== undefined && keeper !== provider.name) return keptElsewhere(keeper);
    return unsupported(incoming, target);
  };
  return { facts, killSwitches, refuse, fallback: incoming.fallback, isPeek };
}

function decode(incoming: Incoming, reasoning: ReasoningSettings | undefined): Conversation {
  const decoded = dialects[incoming.dialect].decodeRequest(incoming.body.whole(), incoming.model);
  const settings = reasoning ? { ...decoded.settings, reasoning } : decoded.settings;
  return { ...decoded, settings, stream: incoming.stream };
}

function thinkingBody({ dialect, body }: Incoming, reasoning: ReasoningSettings, model: string): RequestBody {
  return new RequestBody(body.with(thinkingMembers(dialect, body, reasoning, model)));
}

/** A key may name models as clients ask for them, as providers know them, or as `provider/model`. */
function allows(key: Key, requested: string, { provider, model }: Target): boolean {
  return isModelAllowed(key, requested, model, `${provider.name}/${model}`);
}

/** Token counts that a provider has none of are estimated; embeddings are not. */
function unsupported(incoming: Incoming, { provider }: Target): GatewayError | undefined {
  const { operation, dialect } = incoming;
  if (operation !== "embed" || provider.supports(operation, dialect)) return undefined;
  try {
    return cannot(incoming, provider.name);
  } catch (error) {
    // The request itself has a mistake, which says more.
    return toGatewayError(error);
  }
}
