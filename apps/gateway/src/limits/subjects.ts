import { noLimits, type Key, type LimitRules } from "@trunkline/contracts";
import { budgetId, compileGlob, type LimitDemand, type LimitSubject } from "@trunkline/policies";
import { LRUCache } from "lru-cache";
import { rulesOf, scopeOf, type LimitConfig, type LimitScope } from "../config/limits-schema.ts";

type Rule = {
  readonly scope: LimitScope;
  readonly glob: string;
  readonly matches: (name: string) => boolean;
  readonly rules: LimitRules;
};

export type Subjects = (stage: "request" | "target", demand: LimitDemand) => readonly LimitSubject[];

const nobody: readonly LimitSubject[] = [];
const mostTargets = 10_000;

function least(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}

/** Of two that count the same the stricter one holds. */
function strictest(a: LimitRules, b: LimitRules): LimitRules {
  const budgets = [...a.budgets];
  for (const budget of b.budgets) {
    const id = budgetId("", budget);
    const at = budgets.findIndex((other) => budgetId("", other) === id);
    if (at < 0) budgets.push(budget);
    else if (budget.amount < budgets[at]!.amount) budgets[at] = budget;
  }
  return {
    rpm: least(a.rpm, b.rpm),
    tpm: least(a.tpm, b.tpm),
    inputTpm: least(a.inputTpm, b.inputTpm),
    outputTpm: least(a.outputTpm, b.outputTpm),
    concurrent: least(a.concurrent, b.concurrent),
    budgets,
  };
}

function isEmpty({ budgets, ...counts }: LimitRules): boolean {
  return budgets.length === 0 && Object.values(counts).every((count) => count === null);
}

/** Whose limits count for a request: those of the configuration, and a key's own. */
export function createSubjects(limits: readonly LimitConfig[]): Subjects {
  const rules = limits.map((entry): Rule => {
    const { scope, glob } = scopeOf(entry);
    return { scope, glob, matches: compileGlob(glob), rules: rulesOf(entry) };
  });
  const of = (scope: LimitScope) => rules.filter((rule) => rule.scope === scope);
  const byKey = new WeakMap<Key, readonly LimitSubject[]>();
  const byTarget = new LRUCache<string, readonly LimitSubject[]>({ max: mostTargets });
  const ofTargets = [...of("provider"), ...of("model")];

  function subject(name: string, label: string, all: readonly LimitRules[]): LimitSubject[] {
    const merged = all.reduce(strictest, noLimits);
    return isEmpty(merged) ? [] : [{ name, label, rules: merged }];
  }

  function named(scope: "user" | "group", name: string | null): LimitSubject[] {
    if (name === null) return [];
    const found = of(scope).filter(({ matches }) => matches(name));
    return subject(
      `${scope}:${name}`,
      `The ${scope} '${name}'`,
      found.map((rule) => rule.rules),
    );
  }

  function ofKey(key: Key): readonly LimitSubject[] {
    const found = of("key").filter(({ matches }) => matches(key.name) || matches(key.id));
    // Its own requests a minute are counted before anything else is done.
    const own: LimitRules = { ...key.limits, rpm: null };
    const all = [
      ...subject(`key:${key.id}`, `The key '${key.name}'`, [own, ...found.map((rule) => rule.rules)]),
      ...named("user", key.user),
      ...named("group", key.group),
    ];
    return all.length === 0 ? nobody : all;
  }

  function ofTarget(provider: string, model: string): readonly LimitSubject[] {
    const providers = of("provider").filter(({ matches }) => matches(provider));
    const models = of("model").filter(({ matches }) => matches(model) || matches(`${provider}/${model}`));
    const globs = [...new Set(models.map(({ glob }) => glob))];
    return [
      ...subject(
        `provider:${provider}`,
        `The provider '${provider}'`,
        providers.map((rule) => rule.rules),
      ),
      ...globs.flatMap((glob) =>
        subject(
          `model:${glob}`,
          `The models '${glob}'`,
          models.filter((rule) => rule.glob === glob).map((rule) => rule.rules),
        ),
      ),
    ];
  }

  return (stage, { key, provider, model }) => {
    if (stage === "request") {
      if (!key) return nobody;
      let found = byKey.get(key);
      if (!found) byKey.set(key, (found = ofKey(key)));
      return found;
    }
    if (ofTargets.length === 0) return nobody;
    const name = `${provider}/${model}`;
    let found = byTarget.get(name);
    if (!found) byTarget.set(name, (found = ofTarget(provider, model)));
    return found;
  };
}
