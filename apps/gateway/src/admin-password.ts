import { argon2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Store } from "@trunkline/store";

const setting = "admin_password";
/** OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. */
const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;

function hash(password: string, nonce: Buffer): Buffer {
  return argon2Sync("argon2id", { message: password, nonce, ...cost });
}

/** Sets the password from the environment, or makes one when there is none yet. Returns a newly made one, to be shown once. */
export async function ensureAdminPassword({ database }: Store, given: string | undefined): Promise<string | undefined> {
  const stored = await database.selectFrom("settings").select("value").where("name", "=", setting).executeTakeFirst();
  if (given === undefined && stored) return undefined;
  if (given !== undefined && stored && matches(stored.value, given)) return undefined;
  const password = given ?? randomBytes(15).toString("base64url");
  const nonce = randomBytes(16);
  const value = `${nonce.toString("hex")}:${hash(password, nonce).toString("hex")}`;
  await database
    .insertInto("settings")
    .values({ name: setting, value })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
    .execute();
  return given === undefined ? password : undefined;
}

function matches(stored: string, password: string): boolean {
  const [nonce = "", expected = ""] = stored.split(":");
  return timingSafeEqual(hash(password, Buffer.from(nonce, "hex")), Buffer.from(expected, "hex"));
}

export async function isAdminPassword({ database }: Store, password: string): Promise<boolean> {
  const stored = await database.selectFrom("settings").select("value").where("name", "=", setting).executeTakeFirst();
  return stored !== undefined && matches(stored.value, password);
}
