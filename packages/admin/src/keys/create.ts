import { newId, noLimits, type Key } from "@trunkline/contracts";
import type { KeyTable } from "@trunkline/store";
import { newSecret } from "./secret.ts";

export type CreateKeyInput = {
  readonly name: string;
  /** Milliseconds since the epoch; absent never expires. */
  readonly expiresAt?: number;
  readonly models?: readonly string[];
  readonly rpm?: number | null;
  readonly notes?: string;
  readonly user?: string | null;
  readonly group?: string | null;
  readonly limits?: Key["limits"];
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
    user: input.user ?? null,
    group: input.group ?? null,
    limits: input.limits ?? noLimits,
  };
  await keys.insert(key, secret);
  return { key, secret };
}
