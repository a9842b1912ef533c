import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures, sendJson, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../harness.ts";
import { createBrowser, startAuthorizationServer, type AuthorizationServer } from "./authorization-server.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

const admin = { authorization: `Basic ${Buffer.from("admin:a long password for tests").toString("base64")}` };
const environment = { TRUNKLINE_ADMIN_PASSWORD: "a long password for tests" };

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
  return { status: answer.status, body: (await answer.json()) as Record<string, any> };
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
