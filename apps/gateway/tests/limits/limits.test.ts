import { noLimits, type Budget, type DialectName, type Key } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { sendJson, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chatProvider, requestFor, startGateway, temporaryFolder, type TestGateway } from "../harness.ts";

const names = Object.keys(dialects) as DialectName[];
/** Every answer: 1000 tokens in, 100 out, at $1 a million: 1.1 thousandths of a dollar. */
const answer = {
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "x",
  choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
};
const cost = 1_100_000;
const prices = [{ provider: "up", model: "*", input: 1, output: 1 }];
const day = (amount: number, more: Partial<Budget> = {}): Budget => ({
  unit: "usd",
  amount,
  softAmount: null,
  per: "day",
  isRolling: false,
  zone: "UTC",
  ...more,
});

let upstream: FakeUpstream;
let gateway: TestGateway;
/** Requests whose answers wait until they are let go. */
let held: (() => void)[];
let isHolding: boolean;

beforeEach(async () => {
  held = [];
  isHolding = false;
  upstream = await startUpstream((_request, response) => {
    const send = () => sendJson(response, 200, answer);
    if (isHolding) held.push(send);
    else send();
  });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

async function open(config: object = {}, home?: string): Promise<void> {
  gateway = await startGateway({ providers: { up: chatProvider(upstream.origin) }, prices, ...config }, {}, home);
}

async function keyWith(limits: Partial<Key["limits"]>, more: Partial<Key> = {}): Promise<string> {
  const { id, secret } = await gateway.makeKey({ name: more.name ?? "limited" });
  await gateway.started.gateway.store.keys.update(id, { limits: { ...noLimits, ...limits }, ...more });
  return secret;
}

function ask(
  secret: string,
  dialect: DialectName = "openai-chat",
  body: object = { max_tokens: 100 },
): Promise<Response> {
  const asked = requestFor(dialect, "x", "Hello", false);
  return gateway.post(asked.path, { ...asked.body, ...body }, { authorization: `Bearer ${secret}` });
}

/** A body of about 1000 tokens, so that estimates are what it costs. */
const thousand = { max_tokens: 100, messages: [{ role: "user", content: "word".repeat(980) }] };

const state = async (subject: string) => {
  await gateway.started.gateway.flush();
  const health = (await (await gateway.get("/v1/health")).json()) as { limits: { subject: string }[] };
  return health.limits.filter((limit) => limit.subject.startsWith(subject));
};

describe("budgets", () => {
  test("200 at once against a budget of ten requests' cost: eleven at the most, and never more than one beyond", async () => {
    await open();
    const secret = await keyWith({ budgets: [day(10 * cost)] });
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(secret, "openai-chat", thousand)));
    const granted = answers.filter(({ status }) => status === 200).length;
    expect(granted).toBeGreaterThanOrEqual(10);
    expect(granted).toBeLessThanOrEqual(11);
    expect(upstream.received).toHaveLength(granted);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      error: {
        type: "insufficient_quota",
        code: "insufficient_quota",
        message: expect.stringMatching(
          /^The key 'limited' has used up its budget of \$0.01 a day\. It begins anew at .*T00:00:00/,
        ),
      },
    });
    expect(await state("key:")).toMatchObject([{ limit: "budget a day", state: "reached", used: `$0.01` }]);
  });

  test.each(names)("a budget that is used up, in %s", async (dialect) => {
    await open();
    const secret = await keyWith({ budgets: [day(1)] });
    expect((await ask(secret, dialect, {})).status).toBe(200);
    await gateway.started.gateway.flush();
    const refused = await ask(secret, dialect, {});
    expect(refused.status).toBe(429);
    expect(JSON.stringify(await refused.json())).toMatch(/insufficient_quota|billing_error|RESOURCE_EXHAUSTED/);
  });

  test("what runs when the process dies is not forgotten, and what has ended is not counted twice", async () => {
    const folder = temporaryFolder();
    await open({}, folder.path);
    const secret = await keyWith({ budgets: [day(10 * cost)] });
    for (let turn = 0; turn < 3; turn++) await ask(secret, "openai-chat", thousand);
    await gateway.started.gateway.flush();
    isHolding = true;
    const running = Array.from({ length: 4 }, () => ask(secret, "openai-chat", thousand).catch(() => undefined));
    await expect.poll(() => held.length).toBe(4);
    // The database as a process killed now would leave it.
    const copy = temporaryFolder();
    await gateway.started.gateway.store.backup(`${copy.path}/trunkline.db`);
    isHolding = false;
    held.forEach((send) => send());
    await Promise.all(running);
    await gateway.close();

    const { cpSync } = await import("node:fs");
    for (const name of ["trunkline.yaml", "secret.key"]) cpSync(`${folder.path}/${name}`, `${copy.path}/${name}`);
    await open({}, copy.path);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(secret, "openai-chat", thousand)));
    // Three were paid for and four may have been: three or four more fit.
    const granted = answers.filter(({ status }) => status === 200).length;
    expect(granted).toBeGreaterThanOrEqual(3);
    expect(granted).toBeLessThanOrEqual(4);
    folder.remove();
    copy.remove();
  });

  test("what was spent before a budget was set counts", async () => {
    await open();
    const secret = await keyWith({});
    for (let turn = 0; turn < 3; turn++) await ask(secret, "openai-chat", thousand);
    await gateway.started.gateway.flush();
    const key = (await gateway.started.gateway.store.keys.get("limited"))!;
    for (const isRolling of [false, true]) {
      const { secret: other } = await gateway.makeKey({ name: `other-${isRolling}` });
      expect((await ask(other)).status).toBe(200);
      const budgets = [day(3 * cost, { isRolling })];
      await gateway.started.gateway.store.keys.update(key.id, { limits: { ...noLimits, budgets } });
      await expect.poll(async () => (await ask(secret)).status, { timeout: 5000 }).toBe(429);
    }
  });

  test("an answer that cost less than it was reckoned at gives the rest back; one that failed gives all", async () => {
    await open();
    const secret = await keyWith({ budgets: [day(cost * 2)] });
    expect((await ask(secret, "openai-chat", { max_tokens: 1_000_000 })).status).toBe(200);
    await gateway.started.gateway.flush();
    expect((await ask(secret)).status).toBe(200);
    await gateway.started.gateway.flush();
    expect((await ask(secret)).status).toBe(429);
  });

  test("a client that leaves pays what passed and holds nothing back", async () => {
    await open();
    const secret = await keyWith({ budgets: [day(cost * 5)], concurrent: 1 });
    isHolding = true;
    const leaving = new AbortController();
    const { path, body } = requestFor("openai-chat", "x", "Hello", false);
    const left = fetch(gateway.origin + path, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify({ ...body, ...thousand }),
      signal: leaving.signal,
    }).catch(() => "left");
    await expect.poll(() => held.length).toBe(1);
    const aborted = upstream.nextAbort();
    leaving.abort();
    expect(await left).toBe("left");
    await aborted;
    isHolding = false;
    await expect.poll(async () => (await ask(secret)).status).toBe(200);
    await gateway.started.gateway.flush();
    const { database } = gateway.started.gateway.store;
    expect(await database.selectFrom("budget_reserved").select("amount").execute()).toEqual([{ amount: 0 }]);
  });

  test("without its database a budget lets nothing pass, and whoever has none goes on", async () => {
    await open();
    const secret = await keyWith({ budgets: [day(cost * 5)], concurrent: 1 });
    const { database } = gateway.started.gateway.store;
    await database.schema.alterTable("budget_reserved").renameTo("gone").execute();
    const refused = await ask(secret);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.text()).toContain("database_unavailable");
    expect((await ask(gateway.key)).status).toBe(200);
    await database.schema.alterTable("gone").renameTo("budget_reserved").execute();
    expect((await ask(secret)).status).toBe(200);
  });

  test("a soft budget warns and lets pass", async () => {
    await open();
    const secret = await keyWith({ budgets: [day(cost * 10, { softAmount: cost })] }, { name: "wärme" });
    expect((await ask(secret)).headers.get("x-trunkline-budget-warning")).toBeNull();
    await gateway.started.gateway.flush();
    const warned = await ask(secret);
    expect(warned.status).toBe(200);
    expect(warned.headers.get("x-trunkline-budget-warning")).toBe("The key 'w?rme' has used $0.001100 of $0.01 a day");
  });

  test("users and groups have one over all their keys", async () => {
    await open({
      limits: [
        { user: "anna", budgets: [{ usd: 0.0011, per: "month" }] },
        { group: "*", rpd: 2 },
      ],
    });
    const annas = [await keyWith({}, { name: "a1", user: "anna" }), await keyWith({}, { name: "a2", user: "anna" })];
    expect((await ask(annas[0]!)).status).toBe(200);
    await gateway.started.gateway.flush();
    expect(await (await ask(annas[1]!)).text()).toContain(
      "The user 'anna' has used up its budget of $0.001100 a month",
    );
    const team = [await keyWith({}, { name: "g1", group: "team" }), await keyWith({}, { name: "g2", group: "team" })];
    expect((await ask(team[0]!)).status).toBe(200);
    expect((await ask(team[1]!)).status).toBe(200);
    expect(await (await ask(team[0]!)).text()).toContain("The group 'team' has used up its budget of 2 requests a day");
  });

  test("a provider over its budget is passed over, and the route's next one answers", async () => {
    await open({
      providers: { up: chatProvider(upstream.origin), spare: chatProvider(upstream.origin) },
      routes: [{ pattern: "x", targets: ["up/x", "spare/x"] }],
      limits: [{ provider: "up", budgets: [{ usd: 0.001, per: "hour" }] }],
    });
    const first = await ask(gateway.key);
    expect(first.headers.get("x-trunkline-provider")).toBe("up");
    await gateway.started.gateway.flush();
    const second = await ask(gateway.key);
    expect(second.headers.get("x-trunkline-provider")).toBe("spare");
    expect((await gateway.post("/v1/chat/completions", { model: "up/x", messages: [] })).status).toBe(429);
  });
});

describe("limits of the minute", () => {
  test("tokens: estimated at first, then as they were; the vendor's own headers tell", async () => {
    await open();
    const secret = await keyWith({ tpm: 2000, inputTpm: 100_000 });
    const first = await ask(secret);
    expect(first.headers.get("x-ratelimit-limit-tokens")).toBe("2000");
    expect((await ask(secret)).status).toBe(200);
    const refused = await ask(secret, "anthropic-messages");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("anthropic-ratelimit-tokens-remaining")).toBe("0");
    expect(refused.headers.get("anthropic-ratelimit-input-tokens-limit")).toBe("100000");
    expect(refused.headers.get("x-should-retry")).toBeNull();
    expect(await refused.text()).toContain("The key 'limited' has used its 2000 tokens a minute. Try again in");
    expect(await state("key:")).toMatchObject([
      { limit: "tokens a minute", used: "2200", most: "2000", state: "reached" },
      { limit: "input tokens a minute", used: "2000", state: "ok" },
    ]);
  });

  test("requests at once: the place is free again however the request ends", async () => {
    await open();
    const secret = await keyWith({ concurrent: 2 });
    isHolding = true;
    const running = [ask(secret), ask(secret)];
    await expect.poll(() => held.length).toBe(2);
    const refused = await ask(secret);
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain("runs 2 requests at once already. Wait until one has ended.");
    isHolding = false;
    held.forEach((send) => send());
    for (const answered of await Promise.all(running)) expect(answered.status).toBe(200);
    expect((await ask(secret)).status).toBe(200);
  });

  test("of several rules that match the strictest holds", async () => {
    await open({
      limits: [
        { key: "*", rpm: 5 },
        { key: "lim*", rpm: 1, concurrent: 9 },
      ],
    });
    const secret = await keyWith({});
    expect((await ask(secret)).status).toBe(200);
    expect((await ask(secret)).status).toBe(429);
    expect((await ask(gateway.key)).status).toBe(200);
  });
});
