import type { ErrorCode, GatewayError } from "@trunkline/contracts";
import { LRUCache } from "lru-cache";
import { cooldownAfter, type Cooldown } from "./cooldowns.ts";

/** Why a target is not asked now. Times are milliseconds since the epoch. */
export type Rest = {
  readonly kind: "cooling" | "breaker";
  readonly since: number;
  readonly until: number;
  /** The failure it came from, and what that said. */
  readonly code: ErrorCode;
  readonly reason: string;
  /** It may be asked all the same by a request that has no other target. */
  readonly isLastResort: boolean;
};

/** One request at a target, from its start to its end. */
export type Visit = {
  readonly provider: string;
  readonly model: string;
  readonly startedAt: number;
  /** The breaker let it through to see whether the target is back. */
  readonly isProbe: boolean;
};

export type RestingTarget = Rest & {
  readonly provider: string;
  /** Null when everything at the provider rests. */
  readonly model: string | null;
};

export type BreakerOptions = {
  /** Faults in a row after which a target is not asked any more for a while. */
  readonly failures: number;
  /** Milliseconds of that while, which doubles each time the target is found still broken, and the longest. */
  readonly openMs: number;
  readonly longestOpenMs: number;
};

type Cooling = { since: number; until: number; isBinding: boolean; code: ErrorCode; reason: string };
type State = {
  cooling: Cooling | undefined;
  rateLimits: number;
  faults: number;
  opened: { since: number; until: number; ms: number; code: ErrorCode; reason: string } | undefined;
  /** When the probe now under way began; 0 when none is. */
  probingSince: number;
};

/** States kept; clients can make up model names without end. */
const mostStates = 10_000;
/** A probe that has told nothing for so long is not waited for. */
const probeMs = 60_000;
/** Milliseconds after which it may be known what a probe found. */
const lookAgainMs = 100;
const longestReason = 300;

const providerWide = "";

export type TargetHealth = ReturnType<typeof createTargetHealth>;

/**
 * What is known of targets' health: cooldowns by kind of failure, and a breaker that stops asking a target that fails every time, also
 * where it is the only one. A success ends both; only what began after the failure counts as one.
 */
export function createTargetHealth(options: BreakerOptions) {
  let { failures, openMs, longestOpenMs } = options;
  const states = new LRUCache<string, State>({ max: mostStates });
  const nameOf = (provider: string, model: string) => `${provider}\n${model}`;

  function stateOf(provider: string, model: string): State {
    const name = nameOf(provider, model);
    let state = states.get(name);
    if (!state) {
      state = { cooling: undefined, rateLimits: 0, faults: 0, opened: undefined, probingSince: 0 };
      states.set(name, state);
    }
    return state;
  }

  function coolingRest(state: State | undefined, now: number): Rest | undefined {
    const cooling = state?.cooling;
    if (!cooling || cooling.until <= now) return undefined;
    const { since, until, code, reason, isBinding } = cooling;
    return { kind: "cooling", since, until, code, reason, isLastResort: !isBinding };
  }

  function breakerRest(state: State | undefined, now: number): Rest | undefined {
    const opened = state?.opened;
    if (!opened) return undefined;
    const { since, code, reason } = opened;
    const isProbed = state.probingSince > 0 && state.probingSince + probeMs > now;
    const until = opened.until > now ? opened.until : isProbed ? now + lookAgainMs : 0;
    return until === 0 ? undefined : { kind: "breaker", since, until, code, reason, isLastResort: false };
  }

  function look(provider: string, model: string, now: number): Rest | undefined {
    if (states.size === 0) return undefined;
    const wide = coolingRest(states.get(nameOf(provider, providerWide)), now);
    const state = states.get(nameOf(provider, model));
    return breakerRest(state, now) ?? (wide && !wide.isLastResort ? wide : (coolingRest(state, now) ?? wide));
  }

  function cool(state: State, error: GatewayError, now: number, { ms, isBinding }: Cooldown): void {
    state.cooling = {
      since: now,
      until: now + ms,
      isBinding,
      code: error.code,
      reason: error.message.slice(0, longestReason),
    };
  }

  function faulted(state: State, error: GatewayError, visit: Visit, now: number): void {
    state.faults++;
    const before = state.opened;
    if (before ? !visit.isProbe : state.faults < failures) return;
    const ms = before ? Math.min(before.ms * 2, longestOpenMs) : openMs;
    const reason = error.message.slice(0, longestReason);
    state.opened = { since: before?.since ?? now, until: now + ms, ms, code: error.code, reason };
  }

  return {
    /** Undefined when the target may be asked. */
    look,
    /** Call before a target is asked. */
    begin(provider: string, model: string, now: number): Visit {
      const state = states.size === 0 ? undefined : states.get(nameOf(provider, model));
      const isProbe = state?.opened !== undefined;
      if (state && isProbe) state.probingSince = now;
      return { provider, model, startedAt: now, isProbe };
    },
    succeeded({ provider, model, startedAt }: Visit): void {
      if (states.size === 0) return;
      const wide = states.get(nameOf(provider, providerWide));
      if (wide?.cooling && wide.cooling.since <= startedAt) states.delete(nameOf(provider, providerWide));
      const state = states.get(nameOf(provider, model));
      if (!state) return;
      const latest = Math.max(state.cooling?.since ?? 0, state.opened?.since ?? 0);
      if (latest <= startedAt) states.delete(nameOf(provider, model));
    },
    /** Failures that are the request's own show that the target is there. */
    failed(visit: Visit, error: GatewayError, now: number): void {
      const state = stateOf(visit.provider, visit.model);
      if (visit.isProbe) state.probingSince = 0;
      const cooldown = cooldownAfter(error, state.rateLimits);
      if (!cooldown?.isFault) {
        state.faults = 0;
        state.opened = undefined;
      }
      if (!cooldown) return;
      if (error.code === "upstream_rate_limited") state.rateLimits++;
      const resting = cooldown.isProviderWide ? stateOf(visit.provider, providerWide) : state;
      cool(resting, error, now, cooldown);
      if (cooldown.isFault) faulted(state, error, visit, now);
    },
    /** The client left, which says nothing about the target. */
    left({ provider, model, isProbe }: Visit): void {
      const state = isProbe ? states.get(nameOf(provider, model)) : undefined;
      if (state) state.probingSince = 0;
    },
    /**
     * The provider was seen to answer, and to take its credential: what rested for a fault or for its credential may be asked again, the
     * breaker letting one request through first. Rate limits and models it does not know stay as they are.
     */
    reachable(provider: string, now: number): void {
      for (const [name, state] of states.entries()) {
        if (!name.startsWith(`${provider}\n`)) continue;
        const { cooling, opened } = state;
        if (
          cooling &&
          !cooling.isBinding &&
          cooling.code !== "upstream_not_found" &&
          cooling.code !== "upstream_rate_limited"
        )
          state.cooling = undefined;
        if (opened && opened.until > now) opened.until = now;
      }
    },
    /** Forgets what is known of a provider, or of one of its models; whether there was anything. */
    reset(provider: string, model?: string): boolean {
      const names = [...states.keys()].filter((name) =>
        model === undefined ? name.startsWith(`${provider}\n`) : name === nameOf(provider, model),
      );
      for (const name of names) states.delete(name);
      return names.length > 0;
    },
    configure(next: BreakerOptions): void {
      ({ failures, openMs, longestOpenMs } = next);
    },
    /** Everything that rests now, in no order. */
    resting(now: number): RestingTarget[] {
      return [...states.entries()].flatMap(([name, state]) => {
        const rest = breakerRest(state, now) ?? coolingRest(state, now);
        const [provider = "", model = ""] = name.split("\n");
        return rest ? [{ ...rest, provider, model: model === providerWide ? null : model }] : [];
      });
    },
  };
}
