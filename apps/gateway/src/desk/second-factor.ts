import { GatewayError, type User } from "@trunkline/contracts";
import type { Store } from "@trunkline/store";

/** Seconds a code holds (RFC 6238), and how many steps a clock may be off by. */
const period = 30;
const tolerance = 1;

const issuer = "Trunkline";

async function totpOf(secret: string, label: string) {
  const { Secret, TOTP } = await import("otpauth");
  return new TOTP({ issuer, label, algorithm: "SHA1", digits: 6, period, secret: Secret.fromBase32(secret) });
}

/** A new secret for somebody's authenticator, and how it is told: as text, or as what a QR code holds. */
export async function newSecondFactor(label: string): Promise<{ secret: string; uri: string }> {
  const { Secret } = await import("otpauth");
  const { base32: secret } = new Secret({ size: 20 });
  return { secret, uri: (await totpOf(secret, label)).toString() };
}

/** Takes a code, once: whoever has seen it being typed cannot use it again. False when it is wrong or was used. */
export async function takeCode(
  users: Store["users"],
  { id, name }: Pick<User, "id" | "name">,
  code: string,
  now: number,
): Promise<boolean> {
  const secrets = await users.secrets(id);
  if (!secrets?.totpSecret)
    throw new GatewayError("invalid_request", "There is no second factor. Begin to set one up.");
  const totp = await totpOf(secrets.totpSecret, name);
  const delta = totp.validate({ token: code, timestamp: now, window: tolerance });
  if (delta === null) return false;
  return users.useStep(id, Math.floor(now / 1000 / period) + delta);
}
