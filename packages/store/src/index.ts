export type { KeyChange, KeyTable } from "./keys.ts";
export { openStore, type Store, type StoreOptions } from "./open-store.ts";
export { attemptRow, exchangeRow, type PricedExchange } from "./rows.ts";
export type { AttemptRow, ExchangeRow, KeyRow, Tables } from "./schema.ts";
export { createSecretBox, type SecretBox } from "./secret-box.ts";
