import type { JsonObject, JsonValue } from "./json.ts";

/** A Responses answer that can be read again and built on. */
export type StoredResponse = {
  readonly id: string;
  readonly keyId: string;
  /** The provider that keeps the response itself; null when we do. */
  readonly provider: string | null;
  readonly createdAt: number;
  /** The whole conversation up to and with this answer's input, as items. Null when the provider keeps it. */
  readonly input: readonly JsonValue[] | null;
  readonly response: JsonObject | null;
};
