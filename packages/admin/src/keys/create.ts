import { newId, type Key } from "@trunkline/contracts";
import type { KeyTable } from "@trunkline/store";
import { newSecret } from "./secret.ts";

export type CreateKeyInput = {
  readonly name: string;
  /** Milliseconds since the epoch; absent never expires. */
  readonly expiresAt?: number;
  readonly models?: readonly string[];
  readonly rpm?: number;
  readonly notes?: string;
};

/** Makes a key. The secret is in the result and nowhere else. */
export async function createKey(
  keys: KeyTable,
  input: CreateKeyInput,
  now: number,
): Promise<{ key: Key; secret: string }> {
  const { secret, prefix } = newSecret();
  const key: Key = {
    id: newId("key_"),
    name: input.name,
    prefix,
    active: true,
    createdAt: now,
    expiresAt: input.expiresAt ?? null,
    models: input.models ?? [],
    rpm: input.rpm ?? null,
    notes: input.notes ?? "",
  };
  await keys.insert(key, secret);
  return { key, secret };
}
