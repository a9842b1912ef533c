import { compileRoutes, type CompiledRoute, type RouteProblem } from "@trunkline/exchange";
import { compileCapture } from "@trunkline/policies";
import type { Provider } from "@trunkline/providers";
import { routeOf } from "./config/routes.ts";
import type { Config } from "./config/schema.ts";

/** The configuration's routes, those that could not be read in their places: they claim their names and answer with what is wrong. */
export async function compileConfigRoutes(
  config: Config,
  providers: readonly Pick<Provider, "name">[],
): Promise<{ routes: readonly CompiledRoute[]; problems: readonly RouteProblem[] }> {
  const compiled = await compileRoutes(config.routes.map(routeOf), providers);
  const bad = config.badRoutes ?? [];
  if (bad.length === 0) return compiled;
  const routes = [...compiled.routes];
  for (const { index, pattern, problem } of bad) {
    if (pattern === "") continue;
    const claim = { pattern, strategy: "priority", matches: compileCapture(pattern), targets: [], problem } as const;
    routes.splice(Math.min(index, routes.length), 0, claim);
  }
  return { routes, problems: [...compiled.problems, ...bad.map(({ pattern, problem }) => ({ pattern, problem }))] };
}
