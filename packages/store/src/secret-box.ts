import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

export type SecretBox = {
  /** Hex HMAC-SHA-256 of an API key; the only form in which keys are kept. */
  hashKey(secret: string): string;
  /** AES-256-GCM: nonce, tag and text in one base64 string. `purpose` is bound to it, so that a value cannot be moved elsewhere. */
  seal(text: string, purpose: string): string;
  /** Throws when the text was sealed under another key, for another purpose, or changed. */
  open(sealed: string, purpose: string): string;
  /** What only somebody who can read `secret.key` knows, for a purpose. */
  token(purpose: string): string;
};

/** `root` is the 32 bytes of `secret.key`; separate keys are derived from it for each use (RFC 5869). */
export function createSecretBox(root: Buffer): SecretBox {
  const derive = (use: string) => Buffer.from(hkdfSync("sha256", root, "", `trunkline ${use}`, 32));
  const hashing = derive("key hashing");
  const sealing = derive("content at rest");
  const telling = derive("tokens");
  return {
    hashKey: (secret) => createHmac("sha256", hashing).update(secret).digest("hex"),
    token: (purpose) => createHmac("sha256", telling).update(purpose).digest("base64url"),
    seal(text, purpose) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", sealing, nonce).setAAD(Buffer.from(purpose));
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
    },
    open(sealed, purpose) {
      const bytes = Buffer.from(sealed, "base64");
      const decipher = createDecipheriv("aes-256-gcm", sealing, bytes.subarray(0, 12))
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    },
  };
}
