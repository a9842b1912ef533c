import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures, sendJson, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../harness.ts";
import { startAuthorizationServer, type AuthorizationServer } from "./authorization-server.ts";
import { createBrowser } from "./browser.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

const admin = { authorization: `Basic ${Buffer.from("admin:a long password for tests").toString("base64")}` };
const environment = { TRUNKLINE_ADMIN_PASSWORD: "a long password for tests" };

type Health = { providers: { accounts: { reason: string }[] }[] };
type Place = { server: AuthorizationServer; api: FakeUpstream; gateway: TestGateway; callback: string };

/** An authorization server, an API that takes its tokens, and a gateway between them. */
async function startPlace(
  options: { accessTokenTtl?: number; oauth?: object; home?: string; config?: object } = {},
): Promise<Place> {
  const server = await startAuthorizationServer({
    redirectUris: ["http://127.0.0.1/v1/auth/acme/callback", "http://127.0.0.1/v1/auth/other/callback"],
    ...(options.accessTokenTtl === undefined ? {} : { accessTokenTtl: options.accessTokenTtl }),
  });
  open.push(server);
  const api = await startUpstream(async ({ headers, path }, response) => {
    const token = headers.authorization?.replace("Bearer ", "") ?? "";
    if (!(await server.isValid(token)))
      return sendJson(response, 401, {
        error: { message: `The token ${token} is not valid.`, type: "invalid_request_error" },
      });
    if (path.endsWith("/models")) return sendJson(response, 200, { data: [{ id: "x" }] });
    sendJson(response, 200, fixtures["openai-chat"].text.json);
  });
  open.push(api);
  const provider = {
    kind: "oauth-session",
    base_url: `${api.origin}/v1`,
    models: ["x"],
    oauth: {
      issuer: server.issuer,
      client_id: "trunkline-test",
      scopes: ["openid", "offline_access"],
      parameters: { prompt: "consent" },
      ...options.oauth,
    },
  };
  const gateway = await startGateway(
    { providers: { acme: provider, other: provider }, ...options.config },
    environment,
    options.home,
  );
  open.push(gateway);
  return { server, api, gateway, callback: `${gateway.origin}/v1/auth/acme/callback` };
}

const chat = (gateway: TestGateway, provider = "acme") =>
  gateway.post("/v1/chat/completions", { model: `${provider}/x`, messages: [{ role: "user", content: "hi" }] });

async function call(gateway: TestGateway, method: string, path: string, body?: object) {
  const answer = await fetch(gateway.origin + path, {
    method,
    headers: { ...admin, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return {
    status: answer.status,
    body: (await answer.json()) as Record<string, unknown> & { error: { message: string } },
  };
}
const status = async (gateway: TestGateway, provider = "acme") =>
  (await call(gateway, "GET", `/v1/auth/${provider}/status`)).body;

async function signIn({ gateway }: Place, provider = "acme"): Promise<void> {
  const { body } = await call(gateway, "POST", `/v1/auth/${provider}/login`, {});
  const { text } = await createBrowser().signIn(body["open"] as string);
  expect(text).toContain("Trunkline is signed in to");
}

test("a person signs in with a browser, by code and PKCE, and the next request is answered", async () => {
  const place = await startPlace();
  const { gateway, server } = place;
  const refused = await chat(gateway);
  expect(refused.status).toBe(503);
  expect(await refused.text()).toContain("trunkline login acme");
  const { body } = await call(gateway, "POST", "/v1/auth/acme/login", {});
  const asked = new URL(body["url"] as string).searchParams;
  expect([asked.get("code_challenge_method"), asked.get("response_type"), asked.get("redirect_uri")]).toEqual([
    "S256",
    "code",
    place.callback,
  ]);
  const { text } = await createBrowser().signIn(body["open"] as string);
  expect(text).toContain("Trunkline is signed in to <code>acme</code>");
  expect((await chat(gateway)).status).toBe(200);
  const known = await status(gateway);
  expect(known).toMatchObject({ state: "ready", renewable: true, subject: "ada", flows: ["code", "device"] });
  expect(Date.parse(known["expires"] as string)).toBeGreaterThan(Date.now());
  // The other provider is another sign-in.
  expect((await chat(gateway, "other")).status).toBe(503);
  expect(server.grants).toEqual({ authorization_code: 1 });
});

test("tokens cannot be read in the database file, before and after the root is rotated", async () => {
  const place = await startPlace();
  await signIn(place);
  const { gateway } = place;
  const kept = await gateway.started.gateway.store.credentials.load("acme");
  const secrets = [kept!.credential.accessToken!, kept!.credential.renewal!];
  const files = () =>
    ["trunkline.db", "trunkline.db-wal"].map((name) => readFileSync(join(gateway.home, name), "latin1")).join("");
  for (const secret of secrets) expect(files()).not.toContain(secret);
  expect(JSON.stringify(await status(gateway))).not.toMatch(new RegExp(secrets.join("|")));
});

/** The authorization server ends the access token that is in use. */
async function endToken({ gateway, server }: Place): Promise<void> {
  const { accessToken } = (await gateway.started.gateway.store.credentials.load("acme"))!.credential;
  await (await server.provider.AccessToken.find(accessToken!))!.destroy();
}

/** The token's end has come, as the gateway will know when it looks again. */
async function expire({ gateway }: Place): Promise<void> {
  const { credentials } = gateway.started.gateway.store;
  const { credential } = (await credentials.load("acme"))!;
  const now = Date.now();
  await credentials.put("acme", {
    credential: { ...credential, obtainedAt: now - 3_600_000, expiresAt: now - 1000 },
    state: "ready",
    problem: null,
    skewMs: 0,
  });
}

test("by device code: the person agrees on another machine", async () => {
  const place = await startPlace();
  const { body } = await call(place.gateway, "POST", "/v1/auth/acme/login", { flow: "device" });
  expect(body).toMatchObject({ flow: "device", verification_uri: `${place.server.issuer}/device` });
  const pending = await call(place.gateway, "GET", `/v1/auth/acme/status?login=${body["login"]}`);
  expect(pending.body["login"]).toMatchObject({ status: "pending" });
  await createBrowser().signIn(body["verification_uri_complete"] as string);
  await expect
    .poll(async () => (await call(place.gateway, "GET", `/v1/auth/acme/status?login=${body["login"]}`)).body["login"])
    .toMatchObject({ status: "done" });
  expect((await chat(place.gateway)).status).toBe(200);
});

test("an operator whose browser cannot reach the gateway pastes the address it ended at", async () => {
  const { gateway, callback } = await startPlace();
  const { body } = await call(gateway, "POST", "/v1/auth/acme/login", {});
  const { address } = await createBrowser().signIn(body["url"] as string, (at) => at.startsWith(callback));
  // Whoever has only the address gets nowhere: the page says what it is for.
  const page = await fetch(address);
  expect([page.status, await page.text()]).toEqual([400, expect.stringContaining("paste the address of this page")]);
  expect((await call(gateway, "POST", "/v1/auth/acme/callback", { login: body["login"], url: address })).status).toBe(
    200,
  );
  expect((await chat(gateway)).status).toBe(200);
  const again = await call(gateway, "POST", "/v1/auth/acme/callback", { login: body["login"], url: address });
  expect(again.status).toBe(409);
});

test("twenty requests at once whose token has ended make one exchange, in two gateways together", async () => {
  const place = await startPlace();
  await signIn(place);
  const { cpSync, mkdtempSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const beside = mkdtempSync(join(tmpdir(), "trunkline-test-"));
  cpSync(join(place.gateway.home, "secret.key"), join(beside, "secret.key"));
  const config = {
    database: join(place.gateway.home, "trunkline.db"),
    providers: place.gateway.started.config.providers,
  };
  const second = await startGateway(config, environment, beside);
  open.push(second);
  await endToken(place);
  const gateways = Array.from({ length: 20 }, (_, index) =>
    index % 2 === 0
      ? place.gateway
      : {
          ...second,
          post: (path: string, body: unknown) =>
            second.post(path, body, { authorization: `Bearer ${place.gateway.key}` }),
        },
  );
  const answers = await Promise.all(gateways.map((gateway) => chat(gateway)));
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 200));
  expect(place.server.grants["refresh_token"]).toBe(1);
});

test("refresh tokens rotate; one that is used again ends the sign-in, and says so", async () => {
  const place = await startPlace();
  const { gateway, server } = place;
  await signIn(place);
  const { credentials } = gateway.started.gateway.store;
  const first = (await credentials.load("acme"))!.credential;
  for (let turn = 1; turn <= 3; turn++) {
    await endToken(place);
    expect((await chat(gateway)).status).toBe(200);
    expect(server.grants["refresh_token"]).toBe(turn);
  }
  const last = (await credentials.load("acme"))!.credential;
  expect(last.renewal).not.toBe(first.renewal);
  // A backup is put back: the server takes that for theft and ends everything that came of the sign-in.
  expect((await call(gateway, "POST", "/v1/auth/acme", { refresh_token: first.renewal! })).status).toBe(201);
  const refused = await chat(gateway);
  expect(refused.status).toBe(503);
  expect(await refused.text()).toMatch(/invalid_grant.*trunkline login acme/);
  expect(await server.isValid(last.accessToken!)).toBe(false);
  expect(await status(gateway)).toMatchObject({ state: "revoked", problem: expect.stringContaining("invalid_grant") });
  const health = (await (await fetch(`${gateway.origin}/v1/health`, { headers: admin })).json()) as Health;
  expect(health.providers[0]).toMatchObject({ name: "acme", accounts: [{ state: "signed-out" }] });
  // Asked again, nothing goes out.
  expect((await chat(gateway)).status).toBe(503);
  expect(server.grants["refresh_token"]).toBe(4);
  await signIn(place);
  expect((await chat(gateway)).status).toBe(200);
});

test("a token that was revoked before its end is replaced on the way, once", async () => {
  const place = await startPlace();
  await signIn(place);
  await endToken(place);
  expect((await chat(place.gateway)).status).toBe(200);
  expect(place.server.grants["refresh_token"]).toBe(1);
});

test("an API that refuses every token is asked twice, and its answer shows no token", async () => {
  const place = await startPlace();
  await signIn(place);
  place.server.isValid = async () => false;
  const answer = await chat(place.gateway);
  const text = await answer.text();
  expect([answer.status, place.api.received.length]).toEqual([502, 2]);
  const kept = (await place.gateway.started.gateway.store.credentials.load("acme"))!.credential;
  expect(text).not.toContain(kept.accessToken!);
});

test("while the authorization server is down a token that still holds is used, and one that does not is a 502", async () => {
  const place = await startPlace();
  const { gateway, server } = place;
  await signIn(place);
  server.isDown = true;
  const { credentials } = gateway.started.gateway.store;
  const { credential } = (await credentials.load("acme"))!;
  const now = Date.now();
  // Due to be renewed, but good for another minute.
  await credentials.put("acme", {
    credential: { ...credential, obtainedAt: now - 3_500_000, expiresAt: now + 60_000 },
    state: "ready",
    problem: null,
    skewMs: 0,
  });
  expect((await chat(gateway)).status).toBe(200);
  await expect.poll(() => server.grants["refresh_token"]).toBe(1);
  await expire(place);
  await expect.poll(async () => (await chat(gateway)).status).toBe(502);
  expect(await status(gateway)).toMatchObject({ state: "ready" });
});

test("signing out revokes the tokens and forgets them", async () => {
  const place = await startPlace();
  const { gateway, server } = place;
  await signIn(place);
  const { accessToken } = (await gateway.started.gateway.store.credentials.load("acme"))!.credential;
  expect(await server.isValid(accessToken!)).toBe(true);
  expect((await call(gateway, "DELETE", "/v1/auth/acme")).body).toEqual({
    provider: "acme",
    state: "signed-out",
    revoked: true,
    problem: null,
  });
  expect(await server.isValid(accessToken!)).toBe(false);
  expect((await chat(gateway)).status).toBe(503);
  expect((await call(gateway, "DELETE", "/v1/auth/acme")).status).toBe(404);
});

test("a callback that was not asked for in this browser changes nothing (CSRF)", async () => {
  const { gateway, callback, server } = await startPlace();
  const victim = (await call(gateway, "POST", "/v1/auth/acme/login", {})).body;
  const attacker = (await call(gateway, "POST", "/v1/auth/acme/login", {})).body;
  // The attacker has signed in with an account of his and stops before the gateway; the victim's browser is sent there.
  const stolen = await createBrowser().signIn(attacker["url"] as string, (at) => at.startsWith(callback));
  expect((await fetch(stolen.address)).status).toBe(400);
  const browser = createBrowser();
  await browser.visit(victim["open"] as string, (at) => at.startsWith(server.issuer));
  const refused = await browser.request(stolen.address);
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("belongs to another sign-in")]);
  expect(await status(gateway)).toMatchObject({ state: "signed-out" });
  expect(server.grants).toEqual({});
  // The victim's own sign-in goes on.
  expect((await browser.signIn(victim["open"] as string)).text).toContain("Trunkline is signed in to");
});

test("an answer of another server, or for another provider, is refused (mix-up)", async () => {
  const { gateway, callback, server } = await startPlace();
  const begin = async () => (await call(gateway, "POST", "/v1/auth/acme/login", {})).body;
  const browser = createBrowser();
  const own = await begin();
  const { address } = await browser.signIn(own["open"] as string, (at) => at.startsWith(callback));
  const elsewhere = new URL(address);
  elsewhere.searchParams.set("iss", "https://attacker.example");
  const refused = await browser.request(elsewhere.href);
  expect([refused.status, await refused.text()]).toEqual([502, expect.stringContaining("The sign-in failed")]);
  const second = await begin();
  const { address: good } = await browser.signIn(second["open"] as string, (at) => at.startsWith(callback));
  const moved = await call(gateway, "POST", "/v1/auth/other/callback", { login: second["login"] as string, url: good });
  expect(moved.status).toBe(404);
  expect(server.grants).toEqual({});
  expect(await status(gateway, "other")).toMatchObject({ state: "signed-out" });
});

test("a root is rotated while the gateway runs: nothing is lost, nothing stays under the old one", async () => {
  const place = await startPlace();
  await signIn(place);
  const { gateway } = place;
  const before = (await gateway.started.gateway.store.credentials.load("acme"))!.credential;
  const { createContext } = await import("../../src/cli/context.ts");
  const { rotateSecrets } = await import("../../src/cli/commands/secrets.ts");
  const printed: unknown[] = [];
  const context = {
    ...createContext({ TRUNKLINE_HOME: gateway.home }, true),
    print: (value: unknown) => printed.push(value),
  };
  expect(await rotateSecrets(context)).toBe(0);
  expect(printed).toEqual([{ resealed: 2 }]);
  expect(readFileSync(join(gateway.home, "secret.key"), "utf8").trim().split("\n").length).toBe(2);
  const { database } = gateway.started.gateway.store;
  const rows = await database.selectFrom("credentials").select("content").execute();
  expect(rows.map(({ content }) => content.startsWith("1."))).toEqual([true]);
  expect((await gateway.started.gateway.store.credentials.load("acme"))!.credential).toEqual(before);
  await endToken(place);
  expect((await chat(gateway)).status).toBe(200);
  // Client keys and new rows go on as they were.
  const renewed = await database.selectFrom("credentials").select("content").execute();
  expect(renewed[0]!.content.startsWith("1.")).toBe(true);
});

test("a clock that is off is told of", async () => {
  const place = await startPlace();
  place.server.skewMs = 600_000;
  await signIn(place);
  expect((await status(place.gateway))["clock_skew_seconds"]).toBeGreaterThan(590);
  const health = (await (await fetch(`${place.gateway.origin}/v1/health`, { headers: admin })).json()) as Health;
  expect(health.providers[0]!.accounts[0]!.reason).toBe(
    "this machine's clock is 10 min behind the authorization server's; set it right",
  );
});

test("what is handed in is checked, and only by an operator", async () => {
  const { gateway } = await startPlace();
  const mistakes: [object, string][] = [
    [{}, "Send 'access_token', 'refresh_token' or both."],
    [{ access_token: 7 }, "'access_token' must be a text of one line"],
    [{ access_token: "a\nb" }, "'access_token' must be a text of one line"],
    [{ access_token: "x".repeat(70_000) }, "'access_token' must be a text of one line"],
    [{ access_token: "x", expires_in: -1 }, "'expires_in' must be a positive number"],
    [{ access_token: "x", verifier: "y" }, "Unknown member 'verifier'"],
  ];
  for (const [body, message] of mistakes) {
    const answer = await call(gateway, "POST", "/v1/auth/acme", body);
    expect([answer.status, answer.body.error.message]).toEqual([400, expect.stringContaining(message)]);
  }
  for (const [method, path] of [
    ["POST", "/v1/auth/acme"],
    ["GET", "/v1/auth/acme/status"],
    ["DELETE", "/v1/auth/acme"],
    ["POST", "/v1/auth/acme/login"],
    ["GET", "/v1/auth/acme/login"],
    ["POST", "/v1/auth/acme/callback"],
  ] as const) {
    const answer = await fetch(gateway.origin + path, { method, headers: { authorization: `Bearer ${gateway.key}` } });
    expect([method, path, answer.status]).toEqual([method, path, 401]);
  }
  // A browser remembers the admin's password; pages of other sites get nothing for it.
  const from = (origin: string) =>
    fetch(`${gateway.origin}/v1/auth/acme/login`, { method: "POST", headers: { ...admin, origin } });
  expect([(await from("https://elsewhere.example")).status, (await from("null")).status]).toEqual([403, 403]);
  expect((await from(gateway.origin)).status).toBe(200);
  expect((await call(gateway, "GET", "/v1/auth/nobody/status")).status).toBe(404);
  expect((await call(gateway, "POST", "/v1/auth/trunkline/login", {})).status).toBe(400);
});
