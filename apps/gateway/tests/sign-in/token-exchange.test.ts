import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures, sendJson, startUpstream, type Behaviour, type FakeUpstream } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../harness.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

const password = "a long password for tests";
const admin = {
  authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`,
  "content-type": "application/json",
};

const jwt = (claims: object) =>
  ["e30", Buffer.from(JSON.stringify(claims)).toString("base64url"), "c2lnbmF0dXJl"].join(".");
const chat = (gateway: TestGateway) =>
  gateway.post("/v1/chat/completions", { model: "acme/x", messages: [{ role: "user", content: "hi" }] });

/** A server that exchanges, and an API that takes what it last gave. */
async function startPlace(exchange: Behaviour, config: object, token: () => string) {
  const server = await startUpstream(exchange);
  const api: FakeUpstream = await startUpstream(({ headers }, response) =>
    headers.authorization === `Bearer ${token()}`
      ? sendJson(response, 200, fixtures["openai-chat"].text.json)
      : sendJson(response, 401, { error: { message: "no" } }),
  );
  open.push(server, api);
  const make = (extra: object = {}) => ({
    kind: "token-exchange",
    base_url: `${api.origin}/v1`,
    models: ["x"],
    ...extra,
  });
  const gateway = await startGateway(
    { providers: { acme: make(JSON.parse(JSON.stringify(config).replaceAll("SERVER", server.origin)) as object) } },
    {
      TRUNKLINE_ADMIN_PASSWORD: password,
      ACME: jwt({ sub: "ada", rotating_token: "rotating-0", session: { id: "s/1" } }),
    },
  );
  open.push(gateway);
  return { server, api, gateway };
}

test("a JWT with a rotating token inside: each exchange brings the next, and the one before is worth nothing", async () => {
  let turn = 0;
  let issued = "";
  const { server, api, gateway } = await startPlace(
    ({ body, headers }, response) => {
      if (body["rotating_token"] !== `rotating-${turn}`) return sendJson(response, 401, { error: "reused" });
      turn++;
      issued = jwt({ exp: Math.floor(Date.now() / 1000) + 60, turn });
      const next = jwt({ sub: "ada", rotating_token: `rotating-${turn}`, session: { id: "s/1" } });
      expect(headers["x-client"]).toBe("ada");
      sendJson(
        response,
        200,
        { client: { sessions: [{ jwt: issued }] } },
        { "set-cookie": `__client=${next}; Path=/; HttpOnly` },
      );
    },
    {
      credential: "${ACME}",
      exchange: {
        url: "SERVER/v1/client/sessions/{credential.session.id}/tokens",
        json: { rotating_token: "{credential.rotating_token}", literal: "{{braces}}" },
        headers: { "X-Client": "{credential.sub}" },
        token: "client.sessions.0.jwt",
        rotated: "cookie:__client",
      },
    },
    () => issued,
  );
  expect((await chat(gateway)).status).toBe(200);
  expect(server.received[0]).toMatchObject({
    method: "POST",
    path: "/v1/client/sessions/s%2F1/tokens",
    body: { rotating_token: "rotating-0", literal: "{braces}" },
  });
  expect((await chat(gateway)).status).toBe(200);
  expect(server.received.length).toBe(1);
  // Revoked: the next one is exchanged with what the first exchange brought, for twenty requests once.
  issued = "none";
  const answers = await Promise.all(Array.from({ length: 20 }, () => chat(gateway)));
  expect([answers.every((answer) => answer.status === 200), turn, server.received.length]).toEqual([true, 2, 2]);
  expect(api.received.length).toBeLessThanOrEqual(2 + 40);
  const files = ["trunkline.db", "trunkline.db-wal"]
    .map((name) => readFileSync(join(gateway.home, name), "latin1"))
    .join("");
  for (const secret of ["rotating-", issued, Buffer.from('"rotating_token"').toString("base64url").slice(0, -3)])
    expect(files).not.toContain(secret);
});

test("an API secret that is handed in, exchanged by a form, sent in a header of its own", async () => {
  const server = await startUpstream(({ text, headers }, response) =>
    sendJson(response, 200, { data: { token: "short", ttl: 1800, form: text, type: headers["content-type"] } }),
  );
  const api = await startUpstream(({ headers }, response) =>
    headers["x-session"] === "Token short" && headers.authorization === undefined
      ? sendJson(response, 200, fixtures["openai-chat"].text.json)
      : sendJson(response, 401, {}),
  );
  open.push(server, api);
  const gateway = await startGateway(
    {
      providers: {
        acme: {
          kind: "token-exchange",
          base_url: `${api.origin}/v1`,
          models: ["x"],
          exchange: {
            url: `${server.origin}/token`,
            form: { grant_type: "client_credentials", client_secret: "{credential}" },
            token: "data.token",
            expires_in: "data.ttl",
          },
          header: { name: "X-Session", value: "Token {token}" },
        },
      },
    },
    { TRUNKLINE_ADMIN_PASSWORD: password },
  );
  open.push(gateway);
  expect((await chat(gateway)).status).toBe(503);
  const send = (body: object) =>
    fetch(`${gateway.origin}/v1/auth/acme`, { method: "POST", headers: admin, body: JSON.stringify(body) });
  expect((await send({ access_token: "x" })).status).toBe(400);
  expect((await send({ credential: "an api secret & more" })).status).toBe(201);
  expect((await chat(gateway)).status).toBe(200);
  expect(server.received[0]!.text).toBe("grant_type=client_credentials&client_secret=an+api+secret+%26+more");
  const status = (await (await fetch(`${gateway.origin}/v1/auth/acme/status`, { headers: admin })).json()) as {
    expires: string;
  };
  expect(Math.round((Date.parse(status.expires) - Date.now()) / 60_000)).toBe(30);
});

test.each<[string, Behaviour, number, string]>([
  [
    "refuses the credential",
    (_request, response) => sendJson(response, 403, { detail: "no rotating-0" }),
    503,
    "refused the credential with status 403",
  ],
  ["fails", (_request, response) => sendJson(response, 500, {}), 502, "answered 500"],
  [
    "redirects",
    (_request, response) => void response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(),
    502,
    "cannot be reached, redirects",
  ],
  ["says something else", (_request, response) => void response.end("<html>"), 502, "answered without 'access_token'"],
  [
    "never ends",
    (_request, response) => void response.writeHead(200).write("x".repeat(2_000_000)),
    502,
    "cannot be reached",
  ],
])("an exchange that %s", async (_name, behaviour, status, message) => {
  const { gateway } = await startPlace(
    behaviour,
    { credential: "${ACME}", exchange: { url: "SERVER/token", json: { token: "{credential}" } } },
    () => "none",
  );
  const answer = await chat(gateway);
  const text = await answer.text();
  expect([answer.status, text]).toEqual([status, expect.stringContaining(message)]);
  expect(text).not.toContain("rotating-0");
});

test("a credential is sent to nothing less than https", async () => {
  const { gateway } = await startPlace(
    (_request, response) => sendJson(response, 200, {}),
    { credential: "${ACME}", exchange: { url: "http://auth.acme.example/token", json: { token: "{credential}" } } },
    () => "none",
  );
  const answer = await chat(gateway);
  expect([answer.status, await answer.text()]).toEqual([
    503,
    expect.stringContaining("http://auth.acme.example is not https"),
  ]);
});

test("a credential without the claim that is asked for is told of", async () => {
  const { gateway } = await startPlace(
    (_request, response) => sendJson(response, 200, {}),
    { credential: "not a jwt", exchange: { url: "SERVER/token", json: { token: "{credential.rotating_token}" } } },
    () => "none",
  );
  expect(await (await chat(gateway)).text()).toContain("holds no 'rotating_token'");
});
