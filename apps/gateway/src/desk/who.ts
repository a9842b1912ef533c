import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import {
  GatewayError,
  newId,
  scopesOf,
  type Actor,
  type AdminSession,
  type Scope,
  type User,
} from "@trunkline/contracts";
import type { LockRules, SecretBox, Store } from "@trunkline/store";
import { isPassword } from "./passwords.ts";
import { takeCode } from "./second-factor.ts";

/** What the command line's token is for: whoever can read this home's `secret.key` is its operator. */
export const operatorPurpose = "operator of this home";

/** A request, as far as it tells who asks. */
export type Asking = { readonly method: string; readonly headers: IncomingHttpHeaders; readonly ip: string };

export const cookieName = "trunkline_session";
const minuteMs = 60_000;
/** Milliseconds a session lasts without being used, and at the most. */
const idleMs = 12 * 60 * minuteMs;
const longestMs = 7 * 24 * 60 * minuteMs;
const userLocks: LockRules = { free: 5, firstMs: 30_000, longestMs: 15 * minuteMs, forgetMs: 60 * minuteMs };
/** Many may sit behind one address. */
const addressLocks: LockRules = { ...userLocks, free: 25 };

export function isBasic({ authorization }: IncomingHttpHeaders): boolean {
  return /^basic /i.test(authorization ?? "");
}

function isBearer({ authorization }: IncomingHttpHeaders): boolean {
  return /^bearer /i.test(authorization ?? "");
}

export function cookieOf({ cookie }: IncomingHttpHeaders, name: string): string | undefined {
  const pairs = (cookie ?? "").split(/;\s*/);
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** A page of another site, whose browser sends what it remembers of ours. */
function isForeign({ origin, host, "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  if (origin !== undefined) return URL.parse(origin)?.host !== host;
  return site !== undefined && site !== "same-origin" && site !== "none";
}

const foreign = () => new GatewayError("foreign_origin", "This address takes no requests from pages of other sites.");

export type NewSession = { readonly session: AdminSession; readonly cookie: string };

/** Tells who asks: by the command line's token, by name and password, or by the cookie of somebody who has signed in. */
export function createWho(store: Store, secretBox: SecretBox, now: () => number) {
  const { users, adminSessions, signInFailures } = store;

  /** Whether the command line beside the gateway asks. */
  function isToken({ authorization = "" }: IncomingHttpHeaders): boolean {
    const bearer = Buffer.from(/^bearer (.+)$/i.exec(authorization)?.[1] ?? "");
    const token = Buffer.from(secretBox.token(operatorPurpose));
    return bearer.length === token.length && timingSafeEqual(bearer, token);
  }

  const actorOf = ({ id, name, role }: User, sessionId: string | null): Actor => ({
    name: `user:${name}`,
    userId: id,
    sessionId,
    role,
  });

  /** Throws `locked_out` while too many have failed. */
  async function guarded<T>(name: string, address: string, check: () => Promise<T>): Promise<T> {
    const subjects = [`user:${name}`, `address:${address}`] as const;
    const until = await signInFailures.lockedUntil(subjects);
    if (until > now())
      throw new GatewayError("locked_out", "Too many sign-ins failed. Wait, then try again.", {
        retryAfterMs: until - now(),
      });
    try {
      const result = await check();
      await signInFailures.clear(subjects[0]);
      return result;
    } catch (error) {
      if (error instanceof GatewayError && error.code === "invalid_key") {
        await signInFailures.add(subjects[0], now(), userLocks);
        await signInFailures.add(subjects[1], now(), addressLocks);
      }
      throw error;
    }
  }

  /** Throws `invalid_key` in the same words, whatever was wrong. */
  async function userOf(name: string, password: string): Promise<User> {
    const user = await users.named(name);
    const secrets = user && (await users.secrets(user.id));
    const isRight = await isPassword(secrets?.passwordHash, password);
    if (!user || !isRight || !user.isActive || user.role === "none")
      throw new GatewayError("invalid_key", "The name or the password is wrong.");
    return user;
  }

  /** Throws `invalid_key` for a code that is wrong or was used. */
  async function takeRightCode(user: User, code: string): Promise<void> {
    if (!(await takeCode(users, user, code, now())))
      throw new GatewayError("invalid_key", "The code is wrong, or was used already. Wait for the next one.");
  }

  async function ofBasic({ headers, ip }: Asking): Promise<Actor> {
    if (isForeign(headers)) throw foreign();
    const text = Buffer.from(headers.authorization!.slice("basic ".length), "base64").toString();
    const [name = "", ...password] = text.split(":");
    const user = await guarded(name, ip, async () => {
      const found = await userOf(name, password.join(":"));
      // Thrown in here: a password alone does not forgive the codes that were guessed wrong.
      if (found.hasSecondFactor)
        throw new GatewayError(
          "second_factor_needed",
          "Whoever has a second factor signs in with a browser. For scripts, make a user without one.",
        );
      return found;
    });
    return actorOf(user, null);
  }

  async function ofCookie({ method, headers }: Asking, cookie: string): Promise<Actor> {
    const session = await adminSessions.find(cookie, now());
    const user = session && (await users.get(session.userId));
    if (!session || !user?.isActive || user.role === "none")
      throw new GatewayError("missing_key", "The session has ended. Sign in again.");
    const isChange = method !== "GET" && method !== "HEAD";
    // A browser says where a request that changes something comes from; who does not say is none.
    const isSilent = headers.origin === undefined && headers["sec-fetch-site"] === undefined;
    if (isForeign(headers) || (isChange && isSilent)) throw foreign();
    if (now() - session.usedAt > minuteMs)
      await adminSessions.used(session.id, now(), Math.min(now() + idleMs, session.createdAt + longestMs));
    return actorOf(user, session.id);
  }

  async function who(asking: Asking): Promise<Actor> {
    const { headers } = asking;
    if (isToken(headers)) return { name: "cli", userId: null, sessionId: null, role: "admin" };
    if (isBasic(headers)) return ofBasic(asking);
    const cookie = isBearer(headers) ? undefined : cookieOf(headers, cookieName);
    if (cookie !== undefined && cookie !== "") return ofCookie(asking, cookie);
    throw new GatewayError(
      "missing_key",
      "This address is the operator's: sign in at /admin, or send a name and password.",
    );
  }

  async function begin(
    user: User,
    method: AdminSession["method"],
    { headers, ip }: Asking,
    idToken: string | null,
  ): Promise<NewSession> {
    const cookie = randomBytes(32).toString("base64url");
    const at = now();
    const session: AdminSession = {
      id: newId("sign_"),
      userId: user.id,
      method,
      createdAt: at,
      usedAt: at,
      expiresAt: at + idleMs,
      address: ip,
      agent: (headers["user-agent"] ?? "").slice(0, 200),
    };
    // A cookie that was there before means nothing: who signs in gets one nobody has seen.
    await adminSessions.insert(session, cookie, idToken);
    await users.update(user.id, { signedInAt: at });
    return { session, cookie };
  }

  return {
    who,
    isToken,
    begin,
    /** The same, and undefined when nobody in particular asks. */
    async whoOrNobody(asking: Asking): Promise<Actor | undefined> {
      return who(asking).catch((error: unknown) => {
        if (error instanceof GatewayError && error.code === "missing_key") return undefined;
        throw error;
      });
    },
    /** Who asks, when they may; for the record. Throws GatewayError. */
    async authorize(asking: Asking, scope: Scope): Promise<Actor> {
      const actor = await who(asking);
      if (scopesOf[actor.role].includes(scope)) return actor;
      throw new GatewayError("not_permitted", `This takes the right '${scope}', which '${actor.role}' does not have.`);
    },
    /** Signs somebody in by password, and by the code of their second factor where they have one. */
    async signIn(
      { name, password, code }: { name: string; password: string; code?: string | undefined },
      asking: Asking,
    ): Promise<NewSession & { readonly user: User }> {
      if (isForeign(asking.headers)) throw foreign();
      const user = await guarded(name, asking.ip, async () => {
        const found = await userOf(name, password);
        if (!found.hasSecondFactor) return found;
        if (code === undefined)
          throw new GatewayError("second_factor_needed", "Send the code your authenticator shows, too.");
        await takeRightCode(found, code);
        return found;
      });
      return { user, ...(await begin(user, "password", asking, null)) };
    },
    /** Whether somebody knows their password still. Throws `invalid_key`. */
    async confirm(name: string, password: string, address: string): Promise<void> {
      await guarded(name, address, () => userOf(name, password));
    },
    /** Whether they still hold their second factor: nobody guesses codes from a session left open. Throws `invalid_key`. */
    async confirmCode(user: User, code: string, address: string): Promise<void> {
      await guarded(user.name, address, () => takeRightCode(user, code));
    },
  };
}

/** `Set-Cookie` of a session; over TLS it is sent over TLS alone. Empty ends it. */
export function sessionCookie(value: string, { headers }: Asking): string {
  const isTls = headers.origin?.startsWith("https:") || headers["x-forwarded-proto"] === "https";
  const life = value === "" ? "; Max-Age=0" : `; Max-Age=${longestMs / 1000}`;
  return `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict${life}${isTls ? "; Secure" : ""}`;
}
