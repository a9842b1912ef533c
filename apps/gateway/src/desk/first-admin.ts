import { newUser } from "@trunkline/contracts";
import type { Store } from "@trunkline/store";
import { hashPassword, isPassword, newPassword } from "./passwords.ts";

/** Where the password stood before there were users. */
const oldSetting = "admin_password";

/**
 * Makes the user `admin`, with the password of the environment or a new one; sets it from the environment where it differs. Returns a new
 * password, to be shown once.
 */
export async function ensureAdmin({ users, database }: Store, given: string | undefined): Promise<string | undefined> {
  const admin = await users.named("admin");
  if (admin) {
    if (given === undefined) return undefined;
    const secrets = await users.secrets(admin.id);
    if (!(await isPassword(secrets?.passwordHash, given)))
      await users.update(admin.id, { passwordHash: await hashPassword(given) });
    return undefined;
  }
  const old = await database.selectFrom("settings").select("value").where("name", "=", oldSetting).executeTakeFirst();
  const made = given ?? (old ? undefined : newPassword());
  const user = newUser({ name: "admin", role: "admin", hasPassword: true, createdAt: Date.now() });
  await users.insert(user, { passwordHash: made === undefined ? old!.value : await hashPassword(made) });
  if (old) await database.deleteFrom("settings").where("name", "=", oldSetting).execute();
  return given === undefined ? made : undefined;
}
