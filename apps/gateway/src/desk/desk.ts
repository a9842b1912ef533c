import { GatewayError, newUser, type User } from "@trunkline/contracts";
import type { SecretBox, Store } from "@trunkline/store";
import type { OidcConfig } from "../config/admin-schema.ts";
import { createOidc, type Identity } from "./oidc.ts";
import { createWho } from "./who.ts";

/** Who may do what at the operator's desk. */
export function createDesk(store: Store, secretBox: SecretBox, now: () => number = () => Date.now()) {
  const who = createWho(store, secretBox, now);

  /** A name nobody has yet. */
  async function freeName(wanted: string): Promise<string> {
    const base = wanted.slice(0, 90).replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "") || "user";
    for (let turn = 1; ; turn++) {
      const name = turn === 1 ? base : `${base}-${turn}`;
      if (!(await store.users.named(name))) return name;
    }
  }

  /** Somebody known here by the provider's name for them, or by an address it has verified. */
  async function find({ issuer, subject, email, isEmailVerified }: Identity): Promise<User | undefined> {
    const known = await store.users.ofSubject(issuer, subject);
    if (known || email === "" || !isEmailVerified) return known;
    const [same, ...others] = (await store.users.list()).filter(
      (user) => user.email.toLowerCase() === email.toLowerCase() && user.subject === null,
    );
    return others.length === 0 ? same : undefined;
  }

  return {
    ...who,
    oidc: createOidc(secretBox, now),
    /** The user an OpenID provider tells of: found, or made. Throws `not_permitted` for whoever has no role here. */
    async userOf(identity: Identity, config: OidcConfig, address: string, requestId: string): Promise<User> {
      const entry = { at: now(), actor: `oidc:${identity.subject}`, address, requestId };
      const found = await find(identity);
      if (found) {
        // A claim that says nothing changes nothing: a role given here stays.
        const role = identity.role ?? found.role;
        if (!found.isActive || role === "none") throw refused(identity);
        const isNew = found.subject === null;
        if (role !== found.role || isNew)
          await store.audited({ ...entry, action: "user.sync", target: found.id }, async ({ users }) => {
            await users.update(found.id, { role, issuer: identity.issuer, subject: identity.subject });
            return {
              result: undefined,
              before: { role: found.role, single_sign_on: !isNew },
              after: { role, single_sign_on: true },
            };
          });
        return { ...found, role };
      }
      const role = identity.role ?? config.default_role;
      if (role === "none") throw refused(identity);
      const user = newUser({
        name: await freeName(identity.name),
        email: identity.email,
        role,
        subject: identity.subject,
        createdAt: now(),
      });
      await store.audited({ ...entry, action: "user.create", target: user.id }, async ({ users }) => {
        await users.insert(user, { issuer: identity.issuer });
        return { result: undefined, after: { name: user.name, role } };
      });
      return user;
    },
  };
}

function refused({ name }: Identity): GatewayError {
  return new GatewayError(
    "not_permitted",
    `'${name}' is signed in at the OpenID provider and has no role here. Ask an admin for one.`,
  );
}

export type Desk = ReturnType<typeof createDesk>;
