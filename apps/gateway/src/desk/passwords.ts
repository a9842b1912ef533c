import { argon2, randomBytes, timingSafeEqual } from "node:crypto";

/** OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. */
const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
/** Each takes 19 MiB while it runs: of many at once all but these wait. */
const mostAtOnce = 2;

let running = 0;
const waiting: (() => void)[] = [];

async function hash(password: string, nonce: Buffer): Promise<Buffer> {
  if (running >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await new Promise((resolve, reject) =>
      argon2("argon2id", { message: password, nonce, ...cost }, (error, key) => (error ? reject(error) : resolve(key))),
    );
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** As it is kept: nonce and hash, hex. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  return `${nonce.toString("hex")}:${(await hash(password, nonce)).toString("hex")}`;
}

const noPassword = `${"00".repeat(16)}:${"00".repeat(32)}`;

/** Takes as long for somebody who has no password, or is not there. */
export async function isPassword(kept: string | null | undefined, password: string): Promise<boolean> {
  const [nonce = "", expected = ""] = (kept ?? noPassword).split(":");
  const found = await hash(password, Buffer.from(nonce, "hex"));
  return timingSafeEqual(found, Buffer.from(expected, "hex")) && typeof kept === "string";
}

export function newPassword(): string {
  return randomBytes(15).toString("base64url");
}
