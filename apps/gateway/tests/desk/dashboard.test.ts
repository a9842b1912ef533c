import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startDesk, userPassword, type TestDesk } from "./desk.ts";
import { expectAccessible, openPage, signIn, startBrowser } from "./pages.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

async function start(config: object = {}): Promise<TestDesk> {
  const desk = await startDesk(config);
  open.push(desk);
  return desk;
}

function ask(origin: string, key: string, content = "Hello", headers: Record<string, string> = {}): Promise<number> {
  return fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "trunkline/echo", messages: [{ role: "user", content }] }),
  }).then((answer) => answer.status);
}

test("an operator's first day: a key, its first request, a budget, an alert, rotation, and the log of it all", async () => {
  const told: string[] = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      told.push(body);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  open.push({ close: () => receiver.close() });
  const hook = `http://127.0.0.1:${(receiver.address() as { port: number }).port}/alerts`;
  const desk = await start({
    alerts: { check_seconds: 0.2 },
    prices: [{ provider: "trunkline", model: "*", input: 50, output: 50 }],
  });
  const { origin } = desk.gateway;
  const { page, context, problems } = await openPage(browser);
  open.push(context);

  // The first sign-in.
  await signIn(page, origin);
  await expect.poll(() => page.getByText("Nothing has come through this door yet").isVisible()).toBe(true);

  // Where alerts are told.
  await page.getByRole("link", { name: "Alerts" }).click();
  await page.getByRole("button", { name: "Add a channel" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("pager");
  await dialog.getByLabel("Address").fill(hook);
  await dialog.getByRole("button", { name: "Add a channel" }).click();
  await page.getByRole("dialog", { name: "The secret that signs its messages" }).waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  await page.getByText("It arrived.").waitFor();

  // A key, shown once.
  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("button", { name: "Make a key" }).first().click();
  await dialog.getByLabel("Name").fill("cursor");
  await dialog.getByRole("button", { name: "Make a key" }).click();
  await page.getByRole("dialog", { name: "The key 'cursor' is made" }).waitFor();
  const secret = (await dialog.getByLabel("Secret").textContent())!;
  expect(secret).toMatch(/^tl-/);
  const line = (await dialog.getByLabel("curl").textContent())!;
  expect(line).toContain(secret);
  await page.getByRole("button", { name: "Done" }).click();
  expect(await page.content()).not.toContain(secret);

  // Its first request, seen as it ends.
  await page.getByRole("link", { name: "Requests" }).click();
  await page.getByRole("button", { name: "Watch live" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  // As the page says it is used, in a shell.
  const command = `${line.replace("curl ", "curl -s ")} -H 'x-request-id: first-of-the-day'`;
  expect((await promisify(execFile)("bash", ["-c", command])).stdout).toContain('"content":"Hello"');
  const row = page.getByRole("row").filter({ hasText: "cursor" });
  await row.getByRole("link").click();

  // Its trace.
  await page.getByText("first-of-the-day").first().waitFor();
  await page.getByRole("heading", { name: "Trace" }).waitFor();
  expect(await page.getByRole("listitem").filter({ hasText: "trunkline/echo" }).first().textContent()).toContain("ok");

  // A budget, and hitting it.
  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("link", { name: "cursor" }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  await dialog.getByRole("button", { name: "Add a budget" }).click();
  await dialog.getByLabel("USD", { exact: true }).fill("0.002");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await expect.poll(() => ask(origin, secret), { interval: 20 }).toBe(429);
  await page.getByText("budget a day").waitFor();

  // The alert arrives.
  await expect.poll(() => told.some((body) => body.includes("The budget of key 'cursor' is used up"))).toBe(true);
  await page.getByRole("link", { name: "Alerts" }).click();
  await page.getByText("The budget of key 'cursor' is used up").waitFor();

  // Rotation and revocation.
  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("link", { name: "cursor" }).click();
  await page.getByRole("button", { name: "Rotate" }).click();
  await dialog.getByLabel("The old secret works on").selectOption("0");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("dialog", { name: "The key 'cursor' has a new secret" }).waitFor();
  const next = (await dialog.getByLabel("Secret").textContent())!;
  expect(next).not.toBe(secret);
  await page.getByRole("button", { name: "Done" }).click();
  await expect.poll(() => ask(origin, secret)).toBe(401);
  await page.getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await page.getByText("revoked", { exact: true }).waitFor();
  await expect.poll(() => ask(origin, next)).toBe(403);

  // The log of it all.
  await page.getByRole("link", { name: "Audit" }).click();
  for (const action of [
    "session.begin",
    "alert-channel.create",
    "key.create",
    "key.change",
    "key.rotate",
    "key.revoke",
  ])
    await page.getByText(action, { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByText(/All \d+ entries are as they were written/).waitFor();
  const log = await page.content();
  for (const one of [secret, next]) expect(log).not.toContain(one);
  expect(problems).toEqual([]);
});

const pages = [
  "/",
  "/requests",
  "/keys",
  "/providers",
  "/models",
  "/routes",
  "/playground",
  "/jobs",
  "/workers",
  "/sessions",
  "/users",
  "/audit",
  "/alerts",
  "/settings",
  "/account",
];

/** A gateway where every page has something to show. */
async function lived(): Promise<{ desk: TestDesk; key: { id: string } }> {
  const desk = await start({
    routes: [{ pattern: "fast-*", targets: ["trunkline/echo", { target: "trunkline/echo", weight: 2 }] }],
    aliases: { mine: "trunkline/echo" },
  });
  const admin = desk.as("admin");
  const { key, secret } = (
    await admin("POST", "/keys", { name: "anna's", user: "anna", budgets: [{ usd: 3, per: "month" }] })
  ).body;
  await admin("POST", "/groups", { name: "research" });
  await admin("POST", "/worker-tokens", { worker: "laptop" });
  await admin("POST", "/alert-channels", { name: "x", kind: "webhook", settings: { url: "http://127.0.0.1:9/" } });
  await admin(
    "PATCH",
    "/settings",
    { changes: [{ path: ["server", "drain_seconds"], value: 5 }] },
    { "if-match": "*" },
  );
  for (let turn = 0; turn < 3; turn++)
    await ask(desk.gateway.origin, secret, "Hello", { "x-request-id": "a-request-id" });
  await fetch(`${desk.gateway.origin}/v1/tasks`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({
      endpoint: "/v1/chat/completions",
      body: { model: "trunkline/echo", messages: [{ role: "user", content: "later" }] },
    }),
  });
  await desk.gateway.started.gateway.flush();
  return { desk, key };
}

describe.each([
  ["light", 1280],
  ["dark", 360],
] as const)("%s, %s pixels wide", (colorScheme, width) => {
  test("every page can be used by everybody, fits, and breaks no rule of its own", async () => {
    const { desk, key } = await lived();
    const { origin } = desk.gateway;
    const { page, context, problems } = await openPage(browser, { colorScheme, viewport: { width, height: 800 } });
    open.push(context);
    await page.goto(`${origin}/admin`);
    await page.getByLabel("Password").waitFor();
    await expectAccessible(page, "sign-in");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    for (const path of [...pages, `/keys/${key.id}`, "/requests/a-request-id", "/nowhere"]) {
      await page.goto(`${origin}/admin${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await expect.poll(() => page.getByText("Loading …").count()).toBe(0);
      await expectAccessible(page, path);
      const tooWide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect([path, tooWide]).toEqual([path, 0]);
    }
    for (const [path, button] of [
      ["/keys", "Make a key"],
      ["/users", "Add a user"],
      ["/alerts", "Add a channel"],
      ["/account", "Turn it on"],
    ] as const) {
      await page.goto(`${origin}/admin${path}`);
      await page.getByRole("button", { name: button }).first().click();
      await page.getByRole("dialog").waitFor();
      await expectAccessible(page, `${path}: ${button}`);
    }
    expect(problems).toEqual([]);
  });
});

test("everything is done by keyboard alone", async () => {
  const desk = await start();
  const { page, context } = await openPage(browser);
  open.push(context);
  await page.goto(`${desk.gateway.origin}/admin`);
  await page.getByLabel("Password").waitFor();
  // The password has the focus from the start.
  await page.keyboard.type("correct horse battery");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  const tabTo = async (name: string) => {
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press("Tab");
      const label = await page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()",
      );
      if (label === name) return;
    }
    throw new Error(`Tab never comes to '${name}'`);
  };
  await tabTo("Keys");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await tabTo("Make a key");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "The key 'typed' is made" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "typed" }).waitFor();
  // A dialog gives the focus back, and Escape leaves it.
  await page.getByRole("button", { name: "Make a key" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Make a key");
});

test("what models, clients and upstreams say stays text", async () => {
  const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  const desk = await start({
    ledger: { store_content: true },
    providers: { shop: { preset: "openai", base_url: "http://127.0.0.1:9/v1", api_key: "k", models: [evil] } },
  });
  const admin = desk.as("admin");
  const { origin } = desk.gateway;
  const { secret } = (await admin("POST", "/keys", { name: evil.slice(0, 90), notes: evil })).body;
  await admin("POST", "/kill-switches", { scope: "provider", name: "shop", reason: evil });
  await fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      "user-agent": evil,
      "x-request-id": "an-evil-request",
    },
    body: JSON.stringify({ model: "trunkline/echo", messages: [{ role: "user", content: evil }] }),
  });
  await fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: evil, messages: [{ role: "user", content: "x" }] }),
  });
  await desk.gateway.started.gateway.flush();
  const { page, context, problems } = await openPage(browser);
  open.push(context);
  await signIn(page, origin);
  for (const path of [...pages, "/requests/an-evil-request"]) {
    await page.goto(`${origin}/admin${path}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await expect.poll(() => page.getByText("Loading …").count()).toBe(0);
    expect([path, await page.title()]).not.toEqual([path, "owned"]);
    expect([path, await page.locator("img").count()]).toEqual([path, 0]);
  }
  await page.goto(`${origin}/admin/playground`);
  await page.getByLabel("Prompt").fill(evil);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("<img src=x").first().waitFor();
  expect(await page.title()).toContain("Playground");
  // Nothing was refused by the policy either: nothing tried.
  expect(problems).toEqual([]);
  // And if something did, the policy would refuse it.
  const refused = await page.evaluate(
    "(() => { try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); return ''; } catch (error) { return error.message; } })()",
  );
  expect(refused).toContain("TrustedHTML");
});

test("whoever may less is offered less", async () => {
  const desk = await start();
  const { page, context } = await openPage(browser);
  open.push(context);
  await page.goto(`${desk.gateway.origin}/admin`);
  await page.getByLabel("Name").fill("viewer");
  await page.getByLabel("Password").fill(userPassword);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  const places = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents();
  expect(places).toEqual([
    "Overview",
    "Requests",
    "Keys",
    "Providers",
    "Models",
    "Routes",
    "Jobs",
    "Workers",
    "Sessions",
    "Alerts",
  ]);
  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("link", { name: "first" }).waitFor();
  expect(await page.getByRole("button", { name: "Make a key" }).count()).toBe(0);
});

test("speaks German and Chinese, and remembers it", async () => {
  const desk = await start();
  const { page, context, problems } = await openPage(browser, { locale: "de-DE" });
  open.push(context);
  await page.goto(`${desk.gateway.origin}/admin`);
  await page.getByLabel("Passwort").fill("correct horse battery");
  await page.getByRole("button", { name: "Anmelden", exact: true }).click();
  await page.getByRole("heading", { name: "Übersicht" }).waitFor();
  expect(await page.evaluate("document.documentElement.lang")).toBe("de");
  await page.locator("summary", { hasText: "admin" }).click();
  await page.getByLabel("Sprache").selectOption("zh");
  await page.getByRole("heading", { name: "概览" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "概览" }).waitFor();
  expect(problems).toEqual([]);
});
