export {
  createCatalogue,
  type Catalogue,
  type CatalogueModel,
  type CatalogueOptions,
  type Target,
} from "./catalogue.ts";
export type { ClientAnswer } from "./client-answer.ts";
export { explainRoute } from "./explain.ts";
export type { Incoming } from "./incoming.ts";
export { inputItems, type ResponseStore } from "./response-state.ts";
export {
  compileRoutes,
  namedRoutes,
  type CompiledRoute,
  type NamedRoute,
  type RouteProblem,
} from "./routing/compile-routes.ts";
export { hopeless, type Candidate, type Plan } from "./routing/plan.ts";
export { createPlanner, type Planner } from "./routing/planner.ts";
export { createRotation, type Rotation } from "./routing/rotation.ts";
export { virtualModels } from "./routing/virtual-models.ts";
export { runExchange } from "./run-exchange.ts";
export type { ExchangeRuntime } from "./runtime.ts";
export { errorAnswer, writeError } from "./write-error.ts";
