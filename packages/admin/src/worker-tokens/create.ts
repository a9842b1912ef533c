import { randomBytes } from "node:crypto";
import { newId, type WorkerToken } from "@trunkline/contracts";
import type { Store } from "@trunkline/store";

/** Makes a token for workers of a name. The secret is in the result and nowhere else. */
export async function createWorkerToken(
  tokens: Store["workerTokens"],
  worker: string,
  now: number,
): Promise<{ token: WorkerToken; secret: string }> {
  const secret = `tlw-${randomBytes(32).toString("base64url")}`;
  const token: WorkerToken = {
    id: newId("wt_"),
    worker,
    prefix: secret.slice(0, 10),
    createdAt: now,
    revokedAt: null,
  };
  await tokens.insert(token, secret);
  return { token, secret };
}
