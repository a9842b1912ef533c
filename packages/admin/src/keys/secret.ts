import { randomBytes } from "node:crypto";

/** A new API key: `tl-` and 32 random bytes. `prefix` is what may be shown later to recognise it by. */
export function newSecret(): { secret: string; prefix: string } {
  const secret = `tl-${randomBytes(32).toString("base64url")}`;
  return { secret, prefix: secret.slice(0, 9) };
}
