export * from "./answer.ts";
export * from "./conversation.ts";
export * from "./errors.ts";
export * from "./ids.ts";
export * from "./json.ts";
export * from "./key.ts";
export * from "./ledger.ts";
export * from "./usage.ts";
