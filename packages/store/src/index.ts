export type { KeyTable } from "./keys.ts";
export type { ExchangeFilter, ListedExchange } from "./exchanges.ts";
export type { Decision, ScheduleTable } from "./jobs/schedules.ts";
export type { TaskEnd, TaskFilter, TaskTable } from "./jobs/tasks.ts";
export type { WebhookSecrets } from "./jobs/webhook-secrets.ts";
export { openStore, type Store } from "./open-store.ts";
export { packRows, type PackedRows, type PricedExchange } from "./rows.ts";
export { createSecretBox, type SecretBox } from "./secret-box.ts";
