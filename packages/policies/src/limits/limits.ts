import { GatewayError, type DialectName, type Key, type Reservation } from "@trunkline/contracts";
import { LRUCache } from "lru-cache";
import { createSlots } from "../slots.ts";
import type { Limiter } from "./limiter.ts";
import type { LimitAnswer, LimitSubject, TokenState } from "./question.ts";

/** A request as limits see it. Tokens and cost are estimates. */
export type LimitDemand = {
  readonly dialect: DialectName;
  readonly key: Key | undefined;
  readonly provider: string;
  /** The model's name at the provider. */
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Nano-USD; 0 when the price is not known. */
  readonly cost: () => number;
  /** Where headers go that tell of limits. */
  readonly answerHeaders: Record<string, string>;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

/** What a request holds while it runs: a place among those that may run at once, tokens of a minute, money set aside. */
export type LimitHold = {
  /** To be settled with the ledger's row. */
  readonly reservations: readonly Omit<Reservation, "isUsed">[];
  /** It came too late: nothing will be settled, and all of it goes back. */
  abandon(): void;
  /** Gives the place back and puts what was used in the place of what was estimated. */
  end(used: { readonly inputTokens: number; readonly outputTokens: number }): void;
};

/** The port of limits that are known only once the target is. */
export type Limits = {
  /** Whether any provider or model is limited at all. */
  readonly hasTargets: boolean;
  /**
   * Lets a request in by the limits of its key, user and group (`request`), or of its provider and model (`target`). Undefined when there
   * are none. Throws, or rejects with, `rate_limited` or `budget_exceeded`.
   */
  enter(stage: "request" | "target", demand: LimitDemand): LimitHold | undefined | Promise<LimitHold | undefined>;
  /** The error a target is passed over for, when it is known already that it is over a limit. */
  look(
    provider: string,
    model: string,
    now: number,
  ): { readonly until: number; readonly error: GatewayError } | undefined;
};

export type LimitsOptions = {
  readonly limiter: Limiter;
  readonly hasTargets: boolean;
  /** Whose limits count for a key, and for a target. Empty where nobody set any. */
  readonly subjectsOf: (stage: "request" | "target", demand: LimitDemand) => readonly LimitSubject[];
  /** What the demand's cost needs first, when it needs something. */
  readonly beforePricing: () => Promise<void> | undefined;
  readonly onError: (error: unknown) => void;
  /** Tells this process's requests from others'. */
  readonly prefix: string;
};

/** Milliseconds between two signs of life of the requests that run. */
const renewMs = 60_000;
const mostMarks = 10_000;

/** Asks the limiter for requests, and tells it while they run that they do. */
export function createLimits({
  limiter,
  hasTargets,
  subjectsOf,
  beforePricing,
  onError,
  prefix,
}: LimitsOptions): Limits & { close(): void } {
  const running = createSlots<string>();
  /** Subjects of targets that were found to be over a limit, until then or until one of their requests has ended. */
  const marks = new LRUCache<string, { until: number; error: GatewayError }>({ max: mostMarks });
  let last = 0;
  const renewing = setInterval(() => limiter.renew(running.values(), Date.now()), renewMs);
  renewing.unref();

  function settle(answer: LimitAnswer, id: string, subjects: readonly LimitSubject[], demand: LimitDemand): LimitHold {
    tokenHeaders(demand, answer.tokens);
    if (!answer.granted) {
      const { code, message, until, subject } = answer.refusal;
      const details = until === null ? { retryAfterMs: 1000 } : { retryAfterMs: Math.max(1, until - demand.now) };
      const error = new GatewayError(code, message, details);
      if (until !== null) marks.set(subject, { until, error });
      throw error;
    }
    running.set(id, id);
    if (answer.warnings.length > 0) warn(demand, answer.warnings);
    return {
      reservations: answer.reservations,
      abandon() {
        running.delete(id);
        limiter.leave(id, { inputTokens: 0, outputTokens: 0 }, answer.reservations);
      },
      end(used) {
        if (running.get(id) === undefined) return;
        running.delete(id);
        for (const { name } of subjects) marks.delete(name);
        limiter.leave(id, used);
      },
    };
  }

  async function later(
    waiting: LimitAnswer | Promise<LimitAnswer>,
    id: string,
    subjects: readonly LimitSubject[],
    demand: LimitDemand,
  ): Promise<LimitHold> {
    let answer: LimitAnswer;
    try {
      answer = await waiting;
    } catch (error) {
      onError(error);
      throw new GatewayError(
        "database_unavailable",
        "The gateway cannot count on its budgets right now, for its database does not answer. Try again in a moment.",
        { retryAfterMs: 1000, cause: error },
      );
    }
    return settle(answer, id, subjects, demand);
  }

  return {
    hasTargets,
    enter(stage, demand) {
      const subjects = subjectsOf(stage, demand);
      if (subjects.length === 0) return undefined;
      const id = `${prefix}${++last}`;
      const { inputTokens, outputTokens, now } = demand;
      const hasPrice = subjects.some(({ rules }) => rules.budgets.some(({ unit }) => unit === "usd"));
      const ask = () => {
        const cost = hasPrice ? demand.cost() : 0;
        return limiter.enter({ id, subjects, inputTokens, outputTokens, cost, now });
      };
      const pricing = hasPrice ? beforePricing() : undefined;
      const answer = pricing ? pricing.then(ask) : ask();
      return answer instanceof Promise ? later(answer, id, subjects, demand) : settle(answer, id, subjects, demand);
    },
    look(provider, model, now) {
      if (marks.size === 0) return undefined;
      const demand = { provider, model, key: undefined } as LimitDemand;
      for (const { name } of subjectsOf("target", demand)) {
        const mark = marks.get(name);
        if (mark && mark.until > now) return mark;
      }
      return undefined;
    },
    close: () => clearInterval(renewing),
  };
}

/** Headers hold printable ASCII only; a key's name may be anything. */
function warn({ answerHeaders }: LimitDemand, warnings: readonly string[]): void {
  const given = answerHeaders["x-trunkline-budget-warning"];
  const all = given === undefined ? warnings : [given, ...warnings];
  answerHeaders["x-trunkline-budget-warning"] = all.join("; ").replace(/[^\x20-\x7e]/g, "?");
}

/** Made once: a name that is put together anew is looked up among all the engine's names each time. */
function namesOf(kind: TokenState["kind"]) {
  return {
    openai: [`x-ratelimit-limit-${kind}`, `x-ratelimit-remaining-${kind}`, `x-ratelimit-reset-${kind}`],
    anthropic: [
      `anthropic-ratelimit-${kind}-limit`,
      `anthropic-ratelimit-${kind}-remaining`,
      `anthropic-ratelimit-${kind}-reset`,
    ],
  } as const;
}

const headerNames = {
  tokens: namesOf("tokens"),
  "input-tokens": namesOf("input-tokens"),
  "output-tokens": namesOf("output-tokens"),
} as const;

/** The limits' state in the vendor's own headers; Gemini's clients know none and get OpenAI's. */
function tokenHeaders({ dialect, answerHeaders, now }: LimitDemand, tokens: readonly TokenState[]): void {
  for (const { kind, limit, remaining, resetMs } of tokens) {
    const isAnthropic = dialect === "anthropic-messages";
    const [limitName, remainingName, resetName] = headerNames[kind][isAnthropic ? "anthropic" : "openai"];
    answerHeaders[limitName] = String(limit);
    answerHeaders[remainingName] = String(remaining);
    answerHeaders[resetName] = isAnthropic ? new Date(now + resetMs).toISOString() : `${resetMs / 1000}s`;
  }
}
