import type { FailureClass, Route, Strategy } from "@trunkline/contracts";
import type { Provider } from "@trunkline/providers";
import { compileConditions, type ConditionTest } from "./conditions.ts";
import type { Target } from "../catalogue.ts";
import { compilePattern, isPlainName, type NameMatcher } from "./pattern.ts";

export type CompiledTarget = {
  /** As it is written; what the pattern captured is put in at each request. */
  readonly template: string;
  readonly weight: number;
  readonly fallbackOn: readonly FailureClass[];
  readonly unmet: ConditionTest;
};

export type CompiledRoute = {
  readonly pattern: string;
  readonly strategy: Strategy;
  readonly matches: NameMatcher;
  readonly targets: readonly CompiledTarget[];
  /** Why nothing of it can be used, when that is so: it still claims its names, so that they do not go where nobody sent them. */
  readonly problem: string | undefined;
};

export type RouteProblem = { readonly pattern: string; readonly problem: string };

/** Routes ready to be asked. A mistake in one, or in one of its targets, leaves the rest as they are. */
export async function compileRoutes(
  routes: readonly Route[],
  providers: readonly Pick<Provider, "name">[],
): Promise<{ routes: readonly CompiledRoute[]; problems: readonly RouteProblem[] }> {
  const names = new Set(providers.map(({ name }) => name));
  const compiled: CompiledRoute[] = [];
  const problems: RouteProblem[] = [];
  for (const { pattern, strategy, targets } of routes) {
    let matches: NameMatcher;
    try {
      matches = await compilePattern(pattern);
    } catch (error) {
      problems.push({ pattern, problem: `the pattern cannot be read: ${(error as Error).message}` });
      continue;
    }
    const lost = targets.flatMap(({ target }) => problemOf(target, names) ?? []);
    for (const problem of lost) problems.push({ pattern, problem });
    const usable = targets.filter(({ target }) => problemOf(target, names) === undefined);
    compiled.push({
      pattern,
      strategy,
      matches,
      targets: usable.map(({ target, weight, when, fallbackOn }) => ({
        template: target,
        weight,
        fallbackOn,
        unmet: compileConditions(when),
      })),
      problem: usable.length > 0 ? undefined : (lost[0] ?? "it has no target"),
    });
  }
  return { routes: compiled, problems };
}

function problemOf(target: string, providers: ReadonlySet<string>): string | undefined {
  const slash = target.indexOf("/");
  const provider = target.slice(0, slash);
  if (slash < 1 || slash === target.length - 1) return `the target '${target}' is not of the form provider/model`;
  return providers.has(provider)
    ? undefined
    : `the target '${target}' names the provider '${provider}', which is not there`;
}

/** A route whose pattern is a plain name, with the target that is listed first: what clients can ask for besides models. */
export type NamedRoute = { readonly name: string; readonly target: Target };

export function namedRoutes(routes: readonly CompiledRoute[], providers: readonly Provider[]): NamedRoute[] {
  return routes.flatMap(({ pattern, targets }) => {
    const first = isPlainName(pattern) ? targets[0]?.template : undefined;
    const slash = first?.indexOf("/") ?? -1;
    const provider = providers.find(({ name }) => name === first?.slice(0, slash));
    return provider ? [{ name: pattern, target: { provider, model: first!.slice(slash + 1) } }] : [];
  });
}
