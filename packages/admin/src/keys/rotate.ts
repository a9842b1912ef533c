import type { Key } from "@trunkline/contracts";
import type { KeyTable } from "@trunkline/store";
import { newSecret } from "./secret.ts";

/** Gives a key a new secret; the old one stops working at once, or when its grace ends (milliseconds since the epoch). */
export async function rotateKey(keys: KeyTable, key: Key, graceUntil?: number): Promise<{ key: Key; secret: string }> {
  const { secret, prefix } = newSecret();
  await keys.replaceSecret(key.id, secret, prefix, graceUntil);
  return { key: { ...key, prefix }, secret };
}
