import { noLimits, type LimitRules } from "@trunkline/contracts";
import { LRUCache } from "lru-cache";
import { createSlots } from "../slots.ts";
import type { LimitReport, TokenState } from "./question.ts";

const windowMs = 60_000;
const mostSubjects = 100_000;
const nothing: readonly Taken[] = [];

type Tokens = { readonly inputTokens: number; readonly outputTokens: number };
type Taken = { readonly window: Window; readonly began: number; readonly tokens: Tokens };
type Window = { began: number; requests: number; input: number; output: number; rules: LimitRules };

/** What is counted, which rule limits it, and its name in headers where it has one. */
const counts = [
  { rule: "rpm", what: "requests", header: undefined, used: (window: Window) => window.requests },
  { rule: "tpm", what: "tokens", header: "tokens", used: (window: Window) => window.input + window.output },
  { rule: "inputTpm", what: "input tokens", header: "input-tokens", used: (window: Window) => window.input },
  { rule: "outputTpm", what: "output tokens", header: "output-tokens", used: (window: Window) => window.output },
] as const;

type Counted = (typeof counts)[number] & { readonly limit: number };

/**
 * Requests and tokens of a minute, which begins with the first request. A request passes as long as there is anything left, and is reckoned
 * at its estimate until it has ended: so a single large one is never refused for its size, and many at once go beyond by one at most.
 */
export function createMinuteWindows() {
  const windows = new LRUCache<string, Window>({ max: mostSubjects });
  const taken = createSlots<Taken[]>();

  /** What of a rule there is to count; looked up once a rule. */
  const counted = new WeakMap<LimitRules, readonly Counted[]>();

  function countsOf(rules: LimitRules): readonly Counted[] {
    let found = counted.get(rules);
    if (!found) {
      found = counts.flatMap((count) => {
        const limit = rules[count.rule];
        return limit === null ? [] : [{ ...count, limit }];
      });
      counted.set(rules, found);
    }
    return found;
  }

  function isCounted(rules: LimitRules): boolean {
    return countsOf(rules).length > 0;
  }

  function windowOf(subject: string, now: number): Window {
    let window = windows.get(subject);
    if (!window) windows.set(subject, (window = { began: now, requests: 0, input: 0, output: 0, rules: noLimits }));
    // A clock set back by more than a minute begins a new window, for the old one might never end.
    if (Math.abs(now - window.began) >= windowMs)
      Object.assign(window, { began: now, requests: 0, input: 0, output: 0 });
    return window;
  }

  function add(window: Window, { inputTokens, outputTokens }: Tokens, sign: 1 | -1): void {
    window.input = Math.max(0, window.input + sign * inputTokens);
    window.output = Math.max(0, window.output + sign * outputTokens);
  }

  return {
    /** The limit that is reached, in words; undefined when none is. */
    look(subject: string, rules: LimitRules, now: number): { what: string; until: number } | undefined {
      if (!isCounted(rules)) return undefined;
      const window = windowOf(subject, now);
      window.rules = rules;
      for (const { limit, what, used } of countsOf(rules)) {
        if (used(window) < limit) continue;
        return { what: `has used its ${limit} ${what} a minute`, until: window.began + windowMs };
      }
      return undefined;
    },
    take(id: string, subject: string, tokens: Tokens, now: number): void {
      const window = windows.get(subject);
      if (!window || !isCounted(window.rules) || windowOf(subject, now) !== window) return;
      window.requests++;
      add(window, tokens, 1);
      const one = { window, began: window.began, tokens };
      const others = taken.get(id);
      if (others) others.push(one);
      else taken.set(id, [one]);
    },
    /** The request never ran. */
    forget(id: string): void {
      for (const { window, began, tokens } of taken.get(id) ?? nothing) {
        if (window.began !== began) continue;
        window.requests = Math.max(0, window.requests - 1);
        add(window, tokens, -1);
      }
      taken.delete(id);
    },
    settle(id: string, used: Tokens): void {
      for (const { window, began, tokens } of taken.get(id) ?? nothing) {
        if (window.began !== began) continue;
        add(window, tokens, -1);
        add(window, used, 1);
      }
      taken.delete(id);
    },
    tokens(subject: string, rules: LimitRules, now: number): TokenState[] {
      if (!isCounted(rules)) return [];
      const window = windowOf(subject, now);
      const states: TokenState[] = [];
      for (const { limit, header, used } of countsOf(rules)) {
        if (header === undefined) continue;
        const remaining = Math.max(0, limit - used(window));
        states.push({ kind: header, limit, remaining, resetMs: Math.min(windowMs, window.began + windowMs - now) });
      }
      return states;
    },
    report(now: number): LimitReport[] {
      return [...windows.entries()].flatMap(([subject, window]) => {
        const isOver = Math.abs(now - window.began) >= windowMs;
        return countsOf(window.rules).map(({ limit, what, used }): LimitReport => {
          const count = isOver ? 0 : used(window);
          return {
            subject,
            limit: `${what} a minute`,
            used: String(count),
            most: String(limit),
            state: count >= limit ? "reached" : "ok",
            share: count / limit,
            remainingUsd: null,
            resetsAt: isOver ? null : window.began + windowMs,
          };
        });
      });
    },
  };
}
