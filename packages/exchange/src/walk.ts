import { failureClassOf, type Attempt, type ErrorCode, type GatewayError } from "@trunkline/contracts";
import type { RetryBudget, TargetHealth } from "@trunkline/policies";
import { hopeless, type Candidate, type Plan } from "./routing/plan.ts";
import { restError } from "./routing/rest-error.ts";

export type RetryRules = {
  /** Times a request is sent again after all its targets failed in a way that may pass. */
  readonly retries: number;
  /** Milliseconds: the first wait, which doubles each time, and the longest a request waits before it is sent again. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
};

export type Step =
  | { readonly kind: "ask"; readonly candidate: Candidate; readonly afterMs: number }
  | { readonly kind: "stop"; readonly error: GatewayError };

export type Walk = {
  first(): Step;
  /** Where the request goes on after a candidate failed and nothing has been said yet. */
  after(candidate: Candidate, error: GatewayError): Step;
  /** Whether a candidate that was waited for may be asked now; else where it goes on. */
  ready(candidate: Candidate): Step | undefined;
  /** Where it goes on when a candidate could not be asked after all. */
  passOver(candidate: Candidate, error: GatewayError): Step;
  /** What was passed over, for the trace. */
  skipped(): Attempt[];
};

export type WalkOptions = {
  readonly plan: Plan;
  readonly rules: RetryRules;
  readonly budget: RetryBudget;
  readonly health: TargetHealth;
  /** 0 to 1, evenly spread. */
  readonly random: () => number;
  readonly now: () => number;
};

/** Milliseconds those who wait for the same target spread over. */
const shortestWaitMs = 50;

/** What a target that rests is refused with. */
const restCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["circuit_open", "upstream_rate_limited"]);

const nobody: Attempt[] = [];

/** Goes through a plan's candidates: each once in their order, then again those whose failure may pass, as far as the budget goes. */
export function createWalk({ plan, rules, budget, health, random, now }: WalkOptions): Walk {
  const hasSkipped = plan.candidates.at(-1)?.verdict === "skip";
  /** Who may be asked, or might be in a moment: who rests now need not when others have failed. */
  const open = hasSkipped ? plan.candidates.filter(mayBeAsked) : [...plan.candidates];
  const failures = new Map<string, GatewayError>();
  /** Candidates that could be asked when the plan was made, and no longer could when it was their turn. */
  const passed: Candidate[] = [];
  let retries = 0;
  let waitedMs = 0;

  function nextUntried(): Candidate | undefined {
    for (const candidate of open) {
      if (failures.has(candidate.name)) continue;
      const { provider, model } = candidate.target;
      const rest = health.look(provider.name, model, now());
      if (!rest || rest.isLastResort) return candidate;
      if (candidate.verdict === "skip" || passed.some(({ name }) => name === candidate.name)) continue;
      const error = restError(rest, candidate.name, now());
      passed.push({ ...candidate, verdict: "skip", why: error.message, until: rest.until, error });
    }
    return undefined;
  }

  function nextAsk(): Step | undefined {
    const candidate = nextUntried();
    return candidate && { kind: "ask", candidate, afterMs: 0 };
  }

  /** Milliseconds to wait before a candidate is asked again; undefined when there is no use in it. */
  function waitFor({ target }: Candidate, error: GatewayError): number | undefined {
    if (!mayPass(error) || target.provider.program !== undefined) return undefined;
    // Who rests meanwhile is looked at as such.
    const rest = health.look(target.provider.name, target.model, now());
    if (rest && !rest.isLastResort) return undefined;
    const asked = error.details.retryAfterMs;
    const usual = rules.firstWaitMs * 2 ** retries * (0.5 + random() / 2);
    const wait = asked === undefined ? usual : asked + random() * rules.firstWaitMs;
    return (asked ?? usual) <= rules.longestWaitMs
      ? Math.min(wait, rules.longestWaitMs + rules.firstWaitMs)
      : undefined;
  }

  /** Once more: whoever may be asked soonest of those that failed and of those that rest for a moment. */
  function again(): Step | undefined {
    return retry() ?? waitForRest();
  }

  function retry(): Step | undefined {
    if (retries >= rules.retries) return undefined;
    const waits = open.flatMap((candidate) => {
      const error = failures.get(candidate.name);
      const wait = error && waitFor(candidate, error);
      return wait === undefined ? [] : [{ candidate, wait }];
    });
    const soonest = waits.toSorted((a, b) => a.wait - b.wait)[0];
    if (!soonest || !budget.withdraw()) return undefined;
    retries++;
    return { kind: "ask", candidate: soonest.candidate, afterMs: soonest.wait };
  }

  /** Nobody is asked by waiting, so it is no retry; how long a request waits in all is bounded. */
  function waitForRest(): Step | undefined {
    if (rules.retries === 0) return undefined;
    let soonest: { candidate: Candidate; wait: number } | undefined;
    for (const candidate of open) {
      const { provider, model } = candidate.target;
      const rest = health.look(provider.name, model, now());
      if (!rest || rest.isLastResort || failures.has(candidate.name)) continue;
      const wait = Math.max(1, rest.until - now()) + random() * shortestWaitMs;
      if (!soonest || wait < soonest.wait) soonest = { candidate, wait };
    }
    if (!soonest || waitedMs + soonest.wait > rules.longestWaitMs) return undefined;
    waitedMs += soonest.wait;
    return { kind: "ask", candidate: soonest.candidate, afterMs: soonest.wait };
  }

  return {
    first() {
      const candidate = open.find(({ verdict }) => verdict !== "skip");
      if (!candidate) return again() ?? { kind: "stop", error: hopeless(plan) };
      budget.deposit();
      return { kind: "ask", candidate, afterMs: 0 };
    },
    after(candidate, error) {
      const failure = failureClassOf(error.code);
      if (failure === undefined) return { kind: "stop", error };
      failures.set(candidate.name, error);
      const next = candidate.fallbackOn.includes(failure) ? nextAsk() : undefined;
      if (next) return next;
      return again() ?? { kind: "stop", error };
    },
    ready(candidate) {
      const { provider, model } = candidate.target;
      const rest = health.look(provider.name, model, now());
      if (!rest || rest.isLastResort) return undefined;
      return nextAsk() ?? again() ?? { kind: "stop", error: restError(rest, candidate.name, now()) };
    },
    passOver(candidate, error) {
      passed.push({ ...candidate, verdict: "skip", why: error.message, until: null, error });
      open.splice(open.indexOf(candidate), 1);
      return nextAsk() ?? again() ?? { kind: "stop", error };
    },
    skipped() {
      if (!hasSkipped && passed.length === 0) return nobody;
      const all = [...plan.candidates.filter(({ verdict }) => verdict === "skip"), ...passed];
      return all.map(({ target, why, until, error }) => ({
        provider: target.provider.name,
        model: target.model,
        startedAt: now(),
        durationMs: 0,
        status: 0,
        error: error?.code ?? "condition",
        reason: why,
        isSkipped: true,
        until,
      }));
    },
  };
}

/** It is not passed over, or only because it rests. */
function mayBeAsked({ verdict, error }: Candidate): boolean {
  return verdict !== "skip" || (error !== undefined && restCodes.has(error.code));
}

/** Failures that may be over in a moment. A time limit that has passed is not waited for again. */
function mayPass({ code, retryable }: GatewayError): boolean {
  if (code === "provider_unavailable" || code === "program_missing" || code === "upstream_timeout") return false;
  const failure = failureClassOf(code);
  return retryable && (failure === "overloaded" || failure === "server_error" || failure === "rate_limit");
}
