export type { KeyTable } from "./keys.ts";
export { openStore, type Store } from "./open-store.ts";
export type { PricedExchange } from "./rows.ts";
export { createSecretBox } from "./secret-box.ts";
