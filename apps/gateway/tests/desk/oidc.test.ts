import { createServer } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { claimAt, roleOf } from "../../src/desk/oidc.ts";
import { createBrowser } from "../sign-in/browser.ts";
import { sessionOf, startDesk, type TestDesk } from "./desk.ts";
import { startForger, startIdentityProvider, type Forgery } from "./identity-provider.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

/** A port nobody has: where the gateway will be has to be known before it is there. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function start(claims: () => object, more: object = {}): Promise<TestDesk> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const provider = await startIdentityProvider(`${origin}/admin/api/oidc/callback`, claims);
  open.push(provider);
  const desk = await startDesk(
    {
      admin: {
        oidc: {
          issuer: provider.issuer,
          client_id: "desk",
          client_secret: "desk-secret-for-tests",
          role_claim: "realm.roles",
          roles: { viewer: ["staff"], operator: ["ops"], admin: ["bosses"] },
          ...more,
        },
      },
    },
    { TRUNKLINE_PORT: String(port) },
  );
  open.push(desk);
  return desk;
}

/** Goes through the provider's pages; who is signed in afterwards. */
async function walk(desk: TestDesk) {
  const { origin } = desk.gateway;
  const browser = createBrowser();
  const { text, status, address } = await browser.signIn(`${origin}/admin/api/oidc/login`);
  const answer = await browser.request(`${origin}/admin/api/session`);
  const who = (await answer.json()) as { name?: string; role?: string };
  return { text, status, address, browser, who };
}

describe("with a certified provider", () => {
  test("somebody signs in, with the role their claim says, and out again at both", async () => {
    let roles = ["staff", "ops"];
    const desk = await start(() => ({ preferred_username: "ada", email: "ada@example.com", realm: { roles } }));
    const first = await walk(desk);
    expect([first.status, first.who]).toMatchObject([200, { name: "ada", role: "operator" }]);
    const users = async () =>
      (await desk.as("admin")("GET", "/users")).body.items.filter(({ name }: { name: string }) => name === "ada");
    expect(await users()).toMatchObject([{ role: "operator", single_sign_on: true, password: false }]);
    // More rights with the next sign-in, and no second user.
    roles = ["bosses"];
    expect((await walk(desk)).who).toMatchObject({ name: "ada", role: "admin" });
    // A claim that says nothing takes nothing.
    roles = [];
    expect((await walk(desk)).who).toMatchObject({ name: "ada", role: "admin" });
    expect(await users()).toHaveLength(1);

    const out = await fetch(`${desk.gateway.origin}/admin/api/session`, {
      method: "DELETE",
      headers: {
        origin: desk.gateway.origin,
        cookie: sessionOf(first.browser.lastHeaders(`${desk.gateway.origin}/admin/api/oidc/callback`)),
      },
    });
    const { url } = (await out.json()) as { url: string };
    expect(new URL(url).pathname).toBe("/session/end");
    expect(new URL(url).searchParams.get("id_token_hint")).toMatch(/^ey/);
    expect((await fetch(url, { redirect: "manual" })).status).toBeLessThan(400);
  });

  test("whoever has no role is not let in, and not made", async () => {
    const desk = await start(() => ({ preferred_username: "eve", realm: { roles: ["others"] } }));
    const { status, text, who } = await walk(desk);
    expect([status, text]).toEqual([403, expect.stringContaining("has no role here")]);
    expect(who.name).toBeUndefined();
    expect((await desk.as("admin")("GET", "/users")).text).not.toContain("eve");
  });

  test("an address makes two the same only when it is verified", async () => {
    let isVerified = false;
    const desk = await start(() => ({
      preferred_username: "viewer",
      email: "viewer@example.com",
      email_verified: isVerified,
      realm: { roles: ["staff"] },
    }));
    expect((await walk(desk)).who.name).toBe("viewer-2");
    const { store } = desk.gateway.started.gateway;
    await store.users.remove((await store.users.named("viewer-2"))!.id);
    isVerified = true;
    expect((await walk(desk)).who.name).toBe("viewer");
  });

  test("a sign-in that took too long, or was begun elsewhere, comes to nothing", async () => {
    const desk = await start(() => ({ realm: { roles: ["bosses"] } }));
    const { origin } = desk.gateway;
    const callback = `${origin}/admin/api/oidc/callback`;
    const stolen = await createBrowser().signIn(`${origin}/admin/api/oidc/login`, (at) => at.startsWith(callback));
    // Another browser is sent there: a sign-in as somebody else, without their knowing.
    const victim = await fetch(stolen.address);
    expect([victim.status, await victim.text()]).toEqual([400, expect.stringContaining("not begun in this browser")]);
    const other = createBrowser();
    await other.visit(`${origin}/admin/api/oidc/login`, (at) => !at.startsWith(origin));
    const mixed = await other.request(stolen.address);
    expect([mixed.status, await mixed.text()]).toEqual([401, expect.stringContaining("answer is not good")]);
    const slow = createBrowser();
    const late = await slow.signIn(`${origin}/admin/api/oidc/login`, (at) => at.startsWith(callback));
    const now = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => now + 11 * 60_000);
    expect(await (await slow.request(late.address)).text()).toContain("longer than ten minutes");
  });
});

const forgeries: readonly (readonly [string, Forgery])[] = [
  ["signed by somebody else", { signedBy: "somebody" }],
  ["with no signature and alg none", { header: { alg: "none" }, signedBy: "nobody" }],
  ["keyed with the public key as a secret", { header: { alg: "HS256" }, signedBy: "public key as a secret" }],
  ["of another issuer", { claims: { iss: "https://elsewhere.example" } }],
  ["for another client", { claims: { aud: "somebody-else" } }],
  ["that has expired", { claims: { exp: 1_700_000_000, iat: 1_699_999_000 } }],
  ["of the future", { claims: { iat: 4_000_000_000, nbf: 4_000_000_000, exp: 4_100_000_000 } }],
  ["for another sign-in", { claims: { nonce: "another" } }],
  ["without a nonce", { claims: { nonce: undefined } }],
];

describe("a token", () => {
  async function startForged() {
    const forger = await startForger();
    open.push(forger);
    const desk = await startDesk({
      admin: { oidc: { issuer: forger.issuer, client_id: "desk", roles: { admin: ["bosses"] } } },
    });
    open.push(desk);
    const attempt = async () => {
      const { origin } = desk.gateway;
      const begun = await fetch(`${origin}/admin/api/oidc/login`, { redirect: "manual" });
      const to = new URL(begun.headers.get("location")!);
      expect(to.searchParams.get("code_challenge_method")).toBe("S256");
      forger.nonce = to.searchParams.get("nonce")!;
      const answer = await fetch(`${origin}/admin/api/oidc/callback?code=x&state=${to.searchParams.get("state")!}`, {
        headers: { cookie: begun.headers.getSetCookie()[0]!.split(";")[0]! },
      });
      return { status: answer.status, session: sessionOf(answer.headers) };
    };
    return { forger, attempt };
  }

  test("that is good lets in, so that what follows shows something", async () => {
    const { attempt } = await startForged();
    const { status, session } = await attempt();
    expect([status, session]).toEqual([200, expect.stringMatching(/=[\w-]{43}$/)]);
  });

  test.each(forgeries)("%s is refused", async (_name, forgery) => {
    const { forger, attempt } = await startForged();
    forger.forgery = forgery;
    expect(await attempt()).toEqual({ status: 401, session: "" });
  });
});

test("claims are found on their path, and the highest role holds", () => {
  const config = { roles: { viewer: ["v"], operator: ["o"], admin: ["a"] } } as unknown as Parameters<typeof roleOf>[1];
  expect(claimAt({ "https://x.example/roles": ["a"] }, "https://x.example/roles")).toEqual(["a"]);
  expect(claimAt({ realm: { roles: "o" } }, "realm.roles")).toEqual(["o"]);
  expect(claimAt({ realm: { roles: [1, "v", null] } }, "realm.roles")).toEqual(["v"]);
  expect(claimAt({}, "__proto__.x")).toEqual([]);
  expect(roleOf(["v", "a", "o"], config)).toBe("admin");
  expect(roleOf(["none", "A"], config)).toBeUndefined();
});
