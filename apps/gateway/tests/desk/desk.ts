import { newUser, type Role } from "@trunkline/contracts";
import { hashPassword } from "../../src/desk/passwords.ts";
import { startGateway, type TestGateway } from "../harness.ts";

export const adminPassword = "correct horse battery";
export const userPassword = "staple of the others";

// oxlint-disable-next-line typescript/no-explicit-any -- what tests look into, member by member
export type Json = any;

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<{ status: number; headers: Headers; body: Json; text: string }>;

export type TestDesk = {
  readonly gateway: TestGateway;
  /** Asks the admin API with a user's name and password. */
  as(role: Exclude<Role, "none">): Ask;
  /** The same with a cookie, as a browser does. */
  withCookie(cookie: string, origin?: string): Ask;
  /** Signs in with a password; the session's cookie. */
  signIn(name: string, password: string, more?: object): Promise<string>;
  close(): Promise<void>;
};

async function ask(
  origin: string,
  headers: Record<string, string>,
  ...[method, path, body, more = {}]: Parameters<Ask>
): ReturnType<Ask> {
  const address = `${origin}${path.startsWith("/v1") || path.startsWith("/metrics") ? "" : "/admin/api"}${path}`;
  const answer = await fetch(address, {
    method,
    redirect: "manual",
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }), ...more },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = /[/+]json/.test(answer.headers.get("content-type") ?? "");
  return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

export const sessionOf = (headers: Headers): string =>
  headers
    .getSetCookie()
    .find((cookie) => cookie.startsWith("trunkline_session="))
    ?.split(";")[0] ?? "";

/** A gateway with an admin, an operator and a viewer. */
export async function startDesk(config: object = {}, environment: Record<string, string> = {}): Promise<TestDesk> {
  const gateway = await startGateway(config, { TRUNKLINE_ADMIN_PASSWORD: adminPassword, ...environment });
  const { store } = gateway.started.gateway;
  for (const role of ["viewer", "operator"] as const) {
    const user = newUser({
      name: role,
      email: `${role}@example.com`,
      role,
      hasPassword: true,
      createdAt: Date.now(),
    });
    await store.users.insert(user, { passwordHash: await hashPassword(userPassword) });
  }
  return {
    gateway,
    as(role) {
      const password = role === "admin" ? adminPassword : userPassword;
      const authorization = `Basic ${Buffer.from(`${role}:${password}`).toString("base64")}`;
      return (...given) => ask(gateway.origin, { authorization }, ...given);
    },
    withCookie:
      (cookie, origin = gateway.origin) =>
      (...given) =>
        ask(gateway.origin, { cookie, origin }, ...given),
    async signIn(name, password, more = {}) {
      const answer = await ask(gateway.origin, { origin: gateway.origin }, "POST", "/session", {
        name,
        password,
        ...more,
      });
      if (answer.status !== 201) throw new Error(answer.text);
      return sessionOf(answer.headers);
    },
    close: gateway.close,
  };
}
