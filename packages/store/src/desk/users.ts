import type { Group, Role, User } from "@trunkline/contracts";
import type { Kysely } from "kysely";
import type { Tables, UserRow } from "../schema.ts";
import type { SecretBox } from "../secret-box.ts";

/** What signing in is checked against; never shown. */
export type UserSecrets = {
  readonly passwordHash: string | null;
  readonly totpSecret: string | null;
  readonly isTotpConfirmed: boolean;
  readonly totpStep: number;
};

export type UserChange = {
  -readonly [
    Name in keyof Pick<User, "name" | "email" | "role" | "group" | "notes" | "isActive" | "signedInAt">
  ]?: User[Name];
} & { passwordHash?: string | null; issuer?: string | null; subject?: string | null };

function userOf(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    role: row.role as Role,
    group: row.group_name,
    notes: row.notes,
    isActive: row.active === 1,
    hasPassword: row.password_hash !== null,
    hasSecondFactor: row.totp_confirmed === 1,
    subject: row.subject,
    createdAt: Number(row.created_at),
    signedInAt: row.signed_in_at === null ? null : Number(row.signed_in_at),
  };
}

export function createUserTable(database: Kysely<Tables>, box: SecretBox) {
  const purpose = (id: string) => `second factor ${id}`;

  return {
    async insert(user: User, more: { readonly passwordHash?: string | null; readonly issuer?: string | null } = {}) {
      await database
        .insertInto("users")
        .values({
          id: user.id,
          name: user.name,
          email: user.email,
          role: user.role,
          group_name: user.group,
          notes: user.notes,
          active: user.isActive ? 1 : 0,
          password_hash: more.passwordHash ?? null,
          totp_secret: null,
          totp_confirmed: 0,
          totp_step: 0,
          issuer: more.issuer ?? null,
          subject: user.subject,
          created_at: user.createdAt,
          signed_in_at: user.signedInAt,
        })
        .execute();
    },
    async list(): Promise<User[]> {
      return (await database.selectFrom("users").selectAll().orderBy("name").execute()).map(userOf);
    },
    async get(id: string): Promise<User | undefined> {
      const row = await database.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
      return row && userOf(row);
    },
    async named(name: string): Promise<User | undefined> {
      const row = await database.selectFrom("users").selectAll().where("name", "=", name).executeTakeFirst();
      return row && userOf(row);
    },
    async ofSubject(issuer: string, subject: string): Promise<User | undefined> {
      const row = await database
        .selectFrom("users")
        .selectAll()
        .where("issuer", "=", issuer)
        .where("subject", "=", subject)
        .executeTakeFirst();
      return row && userOf(row);
    },
    async secrets(id: string): Promise<UserSecrets | undefined> {
      const row = await database.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
      return (
        row && {
          passwordHash: row.password_hash,
          totpSecret: row.totp_secret === null ? null : box.open(row.totp_secret, purpose(id)),
          isTotpConfirmed: row.totp_confirmed === 1,
          totpStep: Number(row.totp_step),
        }
      );
    },
    async update(id: string, change: UserChange): Promise<void> {
      const columns = {
        ...(change.name === undefined ? {} : { name: change.name }),
        ...(change.email === undefined ? {} : { email: change.email }),
        ...(change.role === undefined ? {} : { role: change.role }),
        ...(change.group === undefined ? {} : { group_name: change.group }),
        ...(change.notes === undefined ? {} : { notes: change.notes }),
        ...(change.isActive === undefined ? {} : { active: change.isActive ? 1 : 0 }),
        ...(change.signedInAt === undefined ? {} : { signed_in_at: change.signedInAt }),
        ...(change.passwordHash === undefined ? {} : { password_hash: change.passwordHash }),
        ...(change.issuer === undefined ? {} : { issuer: change.issuer }),
        ...(change.subject === undefined ? {} : { subject: change.subject }),
      };
      if (Object.keys(columns).length > 0)
        await database.updateTable("users").set(columns).where("id", "=", id).execute();
    },
    /** A secret that counts once a code of it was given; null takes the second factor away. */
    async setSecondFactor(id: string, secret: string | null): Promise<void> {
      await database
        .updateTable("users")
        .set({
          totp_secret: secret === null ? null : box.seal(secret, purpose(id)),
          totp_confirmed: 0,
          totp_step: 0,
        })
        .where("id", "=", id)
        .execute();
    },
    /** True for whoever is first to use a code of this step: no code is taken twice, whichever process is asked. */
    async useStep(id: string, step: number): Promise<boolean> {
      const { numUpdatedRows } = await database
        .updateTable("users")
        .set({ totp_step: step, totp_confirmed: 1 })
        .where("id", "=", id)
        .where("totp_step", "<", step)
        .executeTakeFirst();
      return Number(numUpdatedRows) > 0;
    },
    async remove(id: string): Promise<void> {
      await database.deleteFrom("users").where("id", "=", id).execute();
    },
    groups: {
      async list(): Promise<Group[]> {
        const rows = await database.selectFrom("groups").selectAll().orderBy("name").execute();
        return rows.map((row) => ({ name: row.name, notes: row.notes, createdAt: Number(row.created_at) }));
      },
      /** False when there is one of this name. */
      async insert({ name, notes, createdAt }: Group): Promise<boolean> {
        const { numInsertedOrUpdatedRows } = await database
          .insertInto("groups")
          .values({ name, notes, created_at: createdAt })
          .onConflict((conflict) => conflict.column("name").doNothing())
          .executeTakeFirst();
        return Number(numInsertedOrUpdatedRows ?? 0) > 0;
      },
      async update(name: string, notes: string): Promise<void> {
        await database.updateTable("groups").set({ notes }).where("name", "=", name).execute();
      },
      async remove(name: string): Promise<void> {
        await database.deleteFrom("groups").where("name", "=", name).execute();
      },
    },
  };
}

export type UserTable = ReturnType<typeof createUserTable>;
