import type { DialectName } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { sendJson } from "@trunkline/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestFor, startPair, type TestGateway } from "./harness.ts";

let gateway: TestGateway;
let close: () => Promise<void>;
let expired: string;
let disabled: string;
let narrow: string;

beforeAll(async () => {
  ({ gateway, close } = await startPair(
    ({ headers }, response) =>
      sendJson(response, 401, {
        error: { message: `Incorrect API key provided: ${String(headers.authorization)}`, type: "x" },
      }),
    { server: { body_limit_mb: 1 } },
  ));
  expired = (await gateway.makeKey({ name: "expired", expiresAt: Date.now() - 1 })).secret;
  const made = await gateway.makeKey({ name: "disabled" });
  await gateway.started.gateway.store.keys.update(made.id, { active: false });
  disabled = made.secret;
  narrow = (await gateway.makeKey({ name: "narrow", models: ["gpt-*"] })).secret;
});
afterAll(() => close());

const names = Object.keys(dialects) as DialectName[];
const model = "trunkline/echo";

type Mistake = {
  readonly name: string;
  readonly status: number;
  readonly type: Record<"openai" | "anthropic" | "gemini", string>;
  send(dialect: DialectName): Promise<Response>;
};

const send = (dialect: DialectName, body: unknown, headers: Record<string, string> = {}, name = model) =>
  gateway.post(requestFor(dialect, name, "Hello", false).path, body, headers);
const good = (dialect: DialectName) => requestFor(dialect, model, "Hello", false).body as Record<string, unknown>;
const bad = { openai: "invalid_request_error", anthropic: "invalid_request_error", gemini: "INVALID_ARGUMENT" };
const unauthorized = { openai: "invalid_request_error", anthropic: "authentication_error", gemini: "UNAUTHENTICATED" };
const forbidden = { openai: "invalid_request_error", anthropic: "permission_error", gemini: "PERMISSION_DENIED" };

/** The member whose type is wrong, per dialect. */
const wrongType: Record<DialectName, object> = {
  "openai-chat": { messages: "hi" },
  "openai-responses": { input: 5 },
  "anthropic-messages": { messages: [{ role: "user", content: 5 }] },
  gemini: { contents: [{ parts: "x" }] },
};

const mistakes: readonly Mistake[] = [
  { name: "a body that is not JSON", status: 400, type: bad, send: (dialect) => send(dialect, "{nope") },
  { name: "an empty body", status: 400, type: bad, send: (dialect) => send(dialect, "") },
  { name: "a body that is a list", status: 400, type: bad, send: (dialect) => send(dialect, "[]") },
  {
    name: "a wrong type",
    status: 400,
    type: bad,
    send: (dialect) => send(dialect, { ...good(dialect), ...wrongType[dialect] }),
  },
  {
    name: "ten thousand levels of nesting",
    status: 400,
    type: bad,
    send: (dialect) => send(dialect, `${"[".repeat(10_000)}`),
  },
  {
    name: "a body over the limit",
    status: 413,
    type: { openai: "invalid_request_error", anthropic: "request_too_large", gemini: "INVALID_ARGUMENT" },
    send: (dialect) => send(dialect, { ...good(dialect), padding: "x".repeat(1024 * 1024) }),
  },
  {
    name: "an unknown model",
    status: 404,
    type: { openai: "invalid_request_error", anthropic: "not_found_error", gemini: "NOT_FOUND" },
    send: (dialect) =>
      send(
        dialect,
        { ...good(dialect), ...(dialect === "gemini" ? {} : { model: "no-such-model" }) },
        {},
        "no-such-model",
      ),
  },
  {
    name: "no key",
    status: 401,
    type: unauthorized,
    send: (dialect) => send(dialect, good(dialect), { authorization: "" }),
  },
  {
    name: "a wrong key",
    status: 401,
    type: unauthorized,
    send: (dialect) => send(dialect, good(dialect), { authorization: "Bearer tl-nope" }),
  },
  {
    name: "an expired key",
    status: 401,
    type: unauthorized,
    send: (dialect) => send(dialect, good(dialect), { authorization: `Bearer ${expired}` }),
  },
  {
    name: "a disabled key",
    status: 403,
    type: forbidden,
    send: (dialect) => send(dialect, good(dialect), { authorization: `Bearer ${disabled}` }),
  },
  {
    name: "a model the key does not allow",
    status: 403,
    type: forbidden,
    send: (dialect) => send(dialect, good(dialect), { authorization: `Bearer ${narrow}` }),
  },
  {
    name: "an upstream that refuses our credential",
    status: 502,
    type: { openai: "server_error", anthropic: "api_error", gemini: "UNAVAILABLE" },
    send: (dialect) =>
      gateway.post(
        requestFor(dialect, "u-chat/x", "Hello", false).path,
        requestFor(dialect, "u-chat/x", "Hello", false).body,
      ),
  },
];

describe.each(names)("%s", (dialect) => {
  test.each(mistakes)("$name", async (mistake) => {
    const response = await mistake.send(dialect);
    const body = (await response.json()) as {
      type?: string;
      request_id?: string;
      error: { type: string; code: number | string | null; status: string; message: string; param?: unknown };
    };
    expect(response.status).toBe(mistake.status);
    expect(body.error.message.length).toBeGreaterThan(20);
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:\d+|up-chat/);
    if (dialect === "gemini") expect(body.error).toMatchObject({ code: mistake.status, status: mistake.type.gemini });
    else if (dialect === "anthropic-messages")
      expect(body).toMatchObject({
        type: "error",
        error: { type: mistake.type.anthropic },
        request_id: response.headers.get("x-request-id"),
      });
    else expect(body.error).toMatchObject({ type: mistake.type.openai, message: expect.any(String) as string });
    if (dialect.startsWith("openai")) expect(body.error).toHaveProperty("param");
  });

  test("the wrong method", async () => {
    if (dialect === "gemini") return;
    const response = await fetch(gateway.origin + requestFor(dialect, model, "x", false).path, {
      method: "PUT",
      body: "{}",
    });
    expect(response.status).toBe(405);
  });
});

test("33 MiB against the default limit is refused before it is read", async () => {
  const standard = await startPair();
  const response = await standard.gateway.post("/v1/messages", `{"pad":"${"x".repeat(33 * 1024 * 1024)}"}`);
  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ type: "error", error: { type: "request_too_large" } });
  await standard.close();
});

test.each([
  "/v1/models/%",
  "/v1/models/%ff%fe",
  "/v1/responses/%",
  "/%",
  "/v1beta/models/%:generateContent",
  "/v1/models?key=%",
])("%s is answered, not crashed on", async (path) => {
  const response = await gateway.get(path);
  expect(response.status).toBeLessThan(500);
  const posted = await gateway.post(path, { contents: [{ parts: [{ text: "x" }] }] });
  expect(posted.status).toBeLessThan(500);
});

test("the echo has one model, and a near miss is told of it", async () => {
  const response = await gateway.post("/v1/chat/completions", {
    model: "trunkline/ech",
    messages: [{ role: "user", content: "x" }],
  });
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("'trunkline/ech' does not exist");
});

test("an address that does not exist says where the API is", async () => {
  const response = await gateway.post("/chat/completions", {});
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("/v1");
});

test("a key in the address, and in every vendor's header, works", async () => {
  const body = good("gemini");
  const path = requestFor("gemini", model, "x", false).path;
  for (const headers of [
    { "x-goog-api-key": gateway.key },
    { "x-api-key": gateway.key },
    { "api-key": gateway.key },
  ] as Record<string, string>[]) {
    expect((await fetch(gateway.origin + path, { method: "POST", headers, body: JSON.stringify(body) })).status).toBe(
      200,
    );
  }
  expect(
    (await fetch(`${gateway.origin}${path}?key=${gateway.key}`, { method: "POST", body: JSON.stringify(body) })).status,
  ).toBe(200);
});
