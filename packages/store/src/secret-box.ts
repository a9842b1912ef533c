import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

export type SecretBox = {
  /** Hex HMAC-SHA-256 of an API key; the only form in which keys are kept. */
  hashKey(secret: string): string;
  /** AES-256-GCM under the newest root: nonce, tag and text in base64. `purpose` is bound to it, so that a value cannot be moved elsewhere. */
  seal(text: string, purpose: string): string;
  /** Throws when the text was sealed under another key, for another purpose, or changed. */
  open(sealed: string, purpose: string): string;
  /** Whether it was sealed under the newest root. */
  isCurrent(sealed: string): boolean;
  /** What only somebody who can read `secret.key` as it is now knows, for a purpose. */
  token(purpose: string): string;
  /** Takes notice that the roots have changed. */
  reload(): void;
};

type Keys = { readonly sealing: Buffer; readonly telling: Buffer };

const derive = (root: Buffer, use: string) => Buffer.from(hkdfSync("sha256", root, "", `trunkline ${use}`, 32));

/**
 * `readRoots` gives the lines of `secret.key`, 32 bytes each, oldest first; separate keys are derived from each for each use (RFC 5869).
 * What is sealed begins with its root's place, but for the first. Keys stay hashed under the first: a hash cannot be made anew without
 * the secret, and those secrets are too long to be guessed by whoever knows the root.
 */
export function createSecretBox(readRoots: () => readonly Buffer[]): SecretBox {
  let hashing: Buffer;
  let rings: readonly Keys[] = [];
  const reload = () => {
    const roots = readRoots();
    hashing = derive(roots[0]!, "key hashing");
    rings = roots.map((root) => ({ sealing: derive(root, "content at rest"), telling: derive(root, "tokens") }));
  };
  reload();
  const placeOf = (sealed: string) => (sealed.includes(".") ? Number(sealed.slice(0, sealed.indexOf("."))) : 0);

  return {
    reload,
    hashKey: (secret) => createHmac("sha256", hashing).update(secret).digest("hex"),
    token: (purpose) => createHmac("sha256", rings.at(-1)!.telling).update(purpose).digest("base64url"),
    isCurrent: (sealed) => placeOf(sealed) === rings.length - 1,
    seal(text, purpose) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", rings.at(-1)!.sealing, nonce).setAAD(Buffer.from(purpose));
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      const place = rings.length === 1 ? "" : `${rings.length - 1}.`;
      return place + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
    },
    open(sealed, purpose) {
      const place = placeOf(sealed);
      // Another process has sealed it under a root that is newer than those read here.
      if (place >= rings.length) reload();
      const keys = rings[place];
      if (!keys) throw new Error("sealed under a root that secret.key does not hold");
      const bytes = Buffer.from(sealed.slice(sealed.indexOf(".") + 1), "base64");
      const decipher = createDecipheriv("aes-256-gcm", keys.sealing, bytes.subarray(0, 12))
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    },
  };
}
