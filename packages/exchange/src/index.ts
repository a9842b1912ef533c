export {
  createCatalogue,
  type Catalogue,
  type CatalogueModel,
  type CatalogueOptions,
  type Target,
} from "./catalogue.ts";
export type { ClientAnswer } from "./client-answer.ts";
export type { Incoming } from "./incoming.ts";
export { inputItems, type ResponseStore } from "./response-state.ts";
export { runExchange } from "./run-exchange.ts";
export type { ExchangeRuntime } from "./runtime.ts";
export { errorAnswer, writeError } from "./write-error.ts";
