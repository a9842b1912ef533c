import {
  codeInput,
  credentialsInput,
  pageOf,
  pageQuery,
  passwordInput,
  secondFactorView,
  signInView,
  waysIn,
  whoView,
  type SignInView,
  type WhoView,
} from "@trunkline/admin/api";
import { GatewayError, scopesOf, type Actor, type AdminSession, type User } from "@trunkline/contracts";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Gateway } from "../../gateway-types.ts";
import { isoTime } from "../../iso-time.ts";
import { pagePolicy, signInPage } from "../../sign-in/sign-in-page.ts";
import { version } from "../../version.ts";
import { endpoint, notFound } from "../endpoint.ts";
import { pageOfAll } from "../page.ts";
import { hashPassword } from "../passwords.ts";
import { newSecondFactor, takeCode } from "../second-factor.ts";
import { cookieOf, sessionCookie } from "../who.ts";

const tag = "Signing in";
const oidcCookie = "trunkline_oidc";
const oidcPath = "/admin/api/oidc";

function setOidcCookie(value: string, seconds: number): string {
  // Lax: the browser comes back from the provider by a link of another site.
  return `${oidcCookie}=${value}; Path=${oidcPath}; Max-Age=${seconds}; HttpOnly; SameSite=Lax`;
}

function shownWho({ name, userId, role }: Actor, user: User | undefined): WhoView {
  return {
    name: user?.name ?? name,
    user_id: userId,
    role,
    scopes: [...scopesOf[role]],
    second_factor: user?.hasSecondFactor ?? false,
    password: user?.hasPassword ?? false,
    version,
  };
}

function shownSignIn(session: AdminSession, name: string, current: string | null): SignInView {
  return {
    id: session.id,
    user: name,
    user_id: session.userId,
    method: session.method,
    address: session.address,
    agent: session.agent,
    created: isoTime(session.createdAt)!,
    used: isoTime(session.usedAt)!,
    expires: isoTime(session.expiresAt)!,
    current: session.id === current,
  };
}

const originOf = (request: FastifyRequest) => `${request.protocol}://${request.host}`;

/** The user who asks; the command line is nobody. */
async function ownUser({ store }: Gateway, { userId }: Actor): Promise<User> {
  const user = userId === null ? undefined : await store.users.get(userId);
  if (!user) throw new GatewayError("invalid_request", "The command line has no password of its own.");
  return user;
}

function oidcOf(gateway: Gateway) {
  const { oidc } = gateway.current.config.admin;
  if (!oidc) throw new GatewayError("not_found", "There is no OpenID provider configured (`admin.oidc`).");
  return oidc;
}

/** A page between two sites: the cookie of a session is sent only on requests our own pages begin. */
function onward(to: string): string {
  return signInPage("Signed in", "One moment …").replace(
    "</title>",
    `</title><meta http-equiv="refresh" content="0;url=${to}">`,
  );
}

export const signInEndpoints = [
  endpoint({
    method: "GET",
    path: "/sign-in",
    tag,
    summary: "How one can sign in here",
    scope: null,
    answer: waysIn,
    async run({ gateway, actor }) {
      const { password_sign_in: password, oidc } = gateway.current.config.admin;
      const user = actor.userId === null ? undefined : await gateway.store.users.get(actor.userId);
      return {
        password,
        oidc: oidc ? { label: oidc.label, url: `${oidcPath}/login` } : null,
        who: actor.role === "none" ? null : shownWho(actor, user),
        version,
      };
    },
  }),
  endpoint({
    method: "POST",
    path: "/session",
    tag,
    summary: "Sign in with a name and password",
    scope: null,
    body: credentialsInput,
    answer: whoView,
    status: 201,
    async run({ gateway, body, request, reply }) {
      if (!gateway.current.config.admin.password_sign_in)
        throw new GatewayError(
          "not_permitted",
          "Signing in with a password is switched off (`admin.password_sign_in`).",
        );
      const entry = { at: Date.now(), before: null, address: request.ip, requestId: request.id };
      try {
        const { user, session, cookie } = await gateway.desk.signIn(body, request);
        reply.header("set-cookie", sessionCookie(cookie, request));
        const actor = { name: `user:${user.name}`, userId: user.id, sessionId: session.id, role: user.role };
        const after = JSON.stringify({ method: "password" });
        await gateway.store.audit.append({
          ...entry,
          actor: actor.name,
          action: "session.begin",
          target: session.id,
          after,
        });
        return shownWho(actor, user);
      } catch (error) {
        if (error instanceof GatewayError && error.code === "invalid_key")
          await gateway.store.audit.append({
            ...entry,
            actor: `user:${body.name}`,
            action: "session.refused",
            target: body.name,
            after: null,
          });
        throw error;
      }
    },
  }),
  endpoint({
    method: "GET",
    path: "/session",
    tag,
    summary: "Who is signed in",
    scope: "signed-in",
    answer: whoView,
    async run({ gateway, actor }) {
      return shownWho(actor, actor.userId === null ? undefined : await gateway.store.users.get(actor.userId));
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/session",
    tag,
    summary: "Sign out, here and at the OpenID provider",
    scope: "signed-in",
    answer: z.object({ url: z.string().nullable().describe("Where to sign out at the provider, too.") }),
    async run({ gateway, actor, request, reply, audited }) {
      reply.header("set-cookie", sessionCookie("", request));
      if (actor.sessionId === null) return { url: null };
      const { sessionId } = actor;
      const idToken = await gateway.store.adminSessions.idToken(sessionId);
      await audited("session.end", sessionId, async ({ adminSessions }) => ({
        result: await adminSessions.remove(sessionId),
      }));
      const { oidc } = gateway.current.config.admin;
      if (idToken === null || !oidc) return { url: null };
      const url = await gateway.desk.oidc.endUrl(oidc, idToken, `${originOf(request)}/admin`).catch(() => undefined);
      return { url: url ?? null };
    },
  }),
  endpoint({
    method: "GET",
    path: "/oidc/login",
    tag,
    summary: "Send the browser to the OpenID provider",
    scope: null,
    async run({ gateway, request, reply }) {
      const { url, cookie } = await gateway.desk.oidc.begin(
        oidcOf(gateway),
        `${originOf(request)}${oidcPath}/callback`,
      );
      reply.header("set-cookie", setOidcCookie(cookie, 600));
      return reply.redirect(url);
    },
  }),
  endpoint({
    method: "GET",
    path: "/oidc/callback",
    tag,
    summary: "Where the OpenID provider sends the browser back to",
    scope: null,
    type: "text/html",
    async run({ gateway, request, reply }) {
      const page = (status: number, html: string) =>
        reply.code(status).type("text/html; charset=utf-8").header("content-security-policy", pagePolicy).send(html);
      reply.header("set-cookie", setOidcCookie("", 0));
      try {
        const config = oidcOf(gateway);
        const query = request.url.includes("?") ? request.url.slice(request.url.indexOf("?")) : "";
        const identity = await gateway.desk.oidc.finish(config, query, cookieOf(request.headers, oidcCookie));
        const user = await gateway.desk.userOf(identity, config, request.ip, request.id);
        const { session, cookie } = await gateway.desk.begin(user, "oidc", request, identity.idToken);
        await gateway.store.audit.append({
          at: Date.now(),
          actor: `user:${user.name}`,
          action: "session.begin",
          target: session.id,
          before: null,
          after: JSON.stringify({ method: "oidc" }),
          address: request.ip,
          requestId: request.id,
        });
        reply.header("set-cookie", sessionCookie(cookie, request));
        return page(200, onward("/admin"));
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        return page(error.status, signInPage("The sign-in failed", `${error.message} Go to \`/admin\` to try again.`));
      }
    },
  }),
  endpoint({
    method: "PUT",
    path: "/session/password",
    tag,
    summary: "Change one's own password",
    scope: "signed-in",
    body: passwordInput,
    status: 204,
    async run({ gateway, actor, body, request, audited }) {
      const user = await ownUser(gateway, actor);
      await gateway.desk.confirm(user.name, body.current, request.ip);
      const passwordHash = await hashPassword(body.next);
      await audited("user.password", user.id, async ({ users, adminSessions }) => {
        await users.update(user.id, { passwordHash });
        for (const session of await adminSessions.list(Date.now()))
          if (session.userId === user.id && session.id !== actor.sessionId) await adminSessions.remove(session.id);
        return { result: undefined };
      });
    },
  }),
  endpoint({
    method: "POST",
    path: "/session/second-factor",
    tag,
    summary: "Begin to set a second factor up; it counts once a code of it was given",
    scope: "signed-in",
    answer: secondFactorView,
    status: 201,
    async run({ gateway, actor }) {
      const user = await ownUser(gateway, actor);
      if (user.hasSecondFactor)
        throw new GatewayError("conflict", "There is a second factor already. Take it away first.");
      const made = await newSecondFactor(user.name);
      await gateway.store.users.setSecondFactor(user.id, made.secret);
      return made;
    },
  }),
  endpoint({
    method: "POST",
    path: "/session/second-factor/confirm",
    tag,
    summary: "Put the second factor in force with a first code",
    scope: "signed-in",
    body: codeInput,
    status: 204,
    async run({ gateway, actor, body, audited }) {
      const user = await ownUser(gateway, actor);
      if (!(await takeCode(gateway.store.users, user, body.code, Date.now())))
        throw new GatewayError("invalid_request", "The code is wrong. Check the clock of the device that shows it.", {
          parameter: "code",
        });
      await audited("user.second-factor", user.id, async () => ({ result: undefined, after: { second_factor: true } }));
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/session/second-factor",
    tag,
    summary: "Take one's own second factor away",
    scope: "signed-in",
    body: codeInput,
    status: 204,
    async run({ gateway, actor, body, request, audited }) {
      const user = await ownUser(gateway, actor);
      await gateway.desk.confirmCode(user, body.code, request.ip);
      await audited("user.second-factor", user.id, async ({ users }) => {
        await users.setSecondFactor(user.id, null);
        return { result: undefined, before: { second_factor: true }, after: { second_factor: false } };
      });
    },
  }),
  endpoint({
    method: "GET",
    path: "/sign-ins",
    tag,
    summary: "Who is signed in with a browser",
    scope: "users:read",
    query: pageQuery,
    answer: pageOf(signInView),
    async run({ gateway, actor, query }) {
      const names = new Map((await gateway.store.users.list()).map(({ id, name }) => [id, name]));
      const sessions = await gateway.store.adminSessions.list(Date.now());
      const shown = sessions.map((session) => shownSignIn(session, names.get(session.userId) ?? "", actor.sessionId));
      return pageOfAll(shown, query, ({ id }) => id);
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/sign-ins/{id}",
    tag,
    summary: "End somebody's session",
    scope: "signed-in",
    params: z.object({ id: z.string() }),
    status: 204,
    async run({ gateway, actor, params, audited }) {
      const session = (await gateway.store.adminSessions.list(Date.now())).find(({ id }) => id === params.id);
      // Everybody may end their own.
      const mayAll = scopesOf[actor.role].includes("users:write");
      if (!session || (session.userId !== actor.userId && !mayAll)) throw notFound("such session");
      await audited("session.revoke", params.id, async ({ adminSessions }) => ({
        result: await adminSessions.remove(params.id),
        before: { user: session.userId },
      }));
    },
  }),
];
