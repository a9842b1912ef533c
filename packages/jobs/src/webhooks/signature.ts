import { createHmac, randomBytes } from "node:crypto";

// Signed as Standard Webhooks 1.0 says (standardwebhooks.com): clients check it with a library of their language, or in five lines.

const prefix = "whsec_";

export function newWebhookSecret(): string {
  return prefix + randomBytes(32).toString("base64");
}

/** Headers of a delivery; one signature a secret, so that a receiver may go over from one to the next in its own time. */
export function signedHeaders(
  secrets: readonly string[],
  id: string,
  /** Seconds since the epoch. */
  timestamp: number,
  body: string,
): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(" "),
  };
}
