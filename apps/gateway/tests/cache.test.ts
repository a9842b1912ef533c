import type { ServerResponse } from "node:http";
import type { DialectName } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { sendJson, type FakeUpstream } from "@trunkline/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { answerFixture, providerOf, requestFor, startPair, type TestGateway } from "./harness.ts";

const names = Object.keys(dialects) as DialectName[];
let gateway: TestGateway;
let upstream: FakeUpstream;
let close: () => Promise<void>;
/** Answers held back until they are let go. */
let held: (() => void)[] = [];
afterEach(() => close());

async function open(more: object = {}, behaviour = answerFixture): Promise<void> {
  held = [];
  ({ gateway, upstream, close } = await startPair(behaviour, { cache: { enabled: true }, ...more }));
}

const holding: typeof answerFixture = (request, response) =>
  void held.push(() => void answerFixture(request, response as ServerResponse));

function ask(
  dialect: DialectName,
  stream: boolean,
  {
    provider = dialect,
    text = "Hello",
    headers = {},
    more = {},
  }: { provider?: DialectName; text?: string; headers?: Record<string, string>; more?: object } = {},
): Promise<Response> {
  const { path, body } = requestFor(dialect, `${providerOf[provider]}/m`, text, stream);
  return gateway.post(path, { ...body, ...more }, headers);
}

const rows = async () => {
  await gateway.started.gateway.flush();
  return gateway.started.gateway.store.database.selectFrom("exchanges").selectAll().orderBy("started_at").execute();
};

describe.each(names)("%s", (dialect) => {
  describe.each(["its own dialect", "another dialect"])("answered in %s", (which) => {
    const provider = which === "its own dialect" ? dialect : dialect === "gemini" ? "openai-chat" : "gemini";
    test.each([false, true])("a hit is the miss byte for byte; stream: %s", async (stream) => {
      await open();
      const miss = await ask(dialect, stream, { provider });
      const hit = await ask(dialect, stream, { provider });
      expect([miss.status, miss.headers.get("x-trunkline-cache")]).toEqual([200, "miss"]);
      expect([hit.status, hit.headers.get("x-trunkline-cache")]).toEqual([200, "hit"]);
      const bytes = Buffer.from(await miss.arrayBuffer());
      expect(bytes.length).toBeGreaterThan(50);
      expect(Buffer.from(await hit.arrayBuffer()).equals(bytes)).toBe(true);
      for (const name of ["content-type", "x-trunkline-provider", "x-trunkline-model"])
        expect(hit.headers.get(name)).toBe(miss.headers.get(name));
      expect(hit.headers.get("age")).toBe("0");
      expect(hit.headers.get("x-request-id")).not.toBe(miss.headers.get("x-request-id"));
      expect(upstream.received).toHaveLength(1);
    });
  });

  test.each([false, true])("100 at once ask the upstream once; stream: %s", async (stream) => {
    await open({}, holding);
    const all = Array.from({ length: 100 }, () => ask(dialect, stream));
    await expect.poll(() => held.length).toBe(1);
    held.forEach((send) => send());
    const answers = await Promise.all(all.map(async (asked) => (await asked).text()));
    expect(new Set(answers).size).toBe(1);
    expect(upstream.received).toHaveLength(1);
    const states = (await rows()).map(({ cache }) => cache);
    expect(states.filter((state) => state === "miss")).toHaveLength(1);
    expect(states.filter((state) => state === "hit")).toHaveLength(99);
  });
});

describe("what is the same", () => {
  test("the order of members does not matter, nor who asks; anything else does", async () => {
    await open();
    const { path } = requestFor("openai-chat", "", "", false);
    const model = `${providerOf["openai-chat"]}/m`;
    const messages = [{ role: "user", content: "Hi" }];
    const state = async (body: object, headers = {}) =>
      (await gateway.post(path, body, headers)).headers.get("x-trunkline-cache");
    expect(await state({ model, messages, temperature: 0 })).toBe("miss");
    expect(await state({ temperature: 0, messages, model, user: "u1", metadata: { a: "1" } })).toBe("hit");
    expect(await state({ model, messages, temperature: 0.5 })).toBe("miss");
    expect(await state({ model, messages, temperature: 0, stream: true })).toBe("miss");
    expect(await state({ model, messages, temperature: 0 }, { "openai-beta": "x" })).toBe("miss");
  });

  test("a key gets nothing of another's, unless answers are shared", async () => {
    await open();
    const other = await gateway.makeKey({ name: "other" });
    await (await ask("openai-chat", false)).text();
    const asOther = { headers: { authorization: `Bearer ${other.secret}` } };
    expect((await ask("openai-chat", false, asOther)).headers.get("x-trunkline-cache")).toBe("miss");
    await close();
    await open({ cache: { enabled: true, scope: "shared" } });
    const third = await gateway.makeKey({ name: "third" });
    const narrow = await gateway.makeKey({ name: "narrow", models: ["nothing"] });
    await (await ask("openai-chat", false)).text();
    const as = (secret: string) => ask("openai-chat", false, { headers: { authorization: `Bearer ${secret}` } });
    expect((await as(third.secret)).headers.get("x-trunkline-cache")).toBe("hit");
    expect((await as(narrow.secret)).status).toBe(403);
  });

  test("no-store is neither found nor kept, no-cache is asked anew and kept", async () => {
    await open();
    const state = async (control?: string) =>
      (await ask("openai-chat", false, control ? { headers: { "cache-control": control } } : {})).headers.get(
        "x-trunkline-cache",
      );
    expect(await state("no-store")).toBe("bypass");
    expect(await state()).toBe("miss");
    expect(await state("no-store")).toBe("bypass");
    expect(await state("no-cache")).toBe("bypass");
    expect(await state()).toBe("hit");
    expect(upstream.received).toHaveLength(4);
    expect((await rows()).map(({ cache }) => cache)).toEqual(["bypass", "miss", "bypass", "bypass", "hit"]);
  });

  test("without a cache there is no word of it", async () => {
    await open({ cache: {} });
    await (await ask("openai-chat", false)).text();
    expect((await ask("openai-chat", false)).headers.get("x-trunkline-cache")).toBeNull();
    expect(upstream.received).toHaveLength(2);
  });

  test("an answer too long is not kept, and the oldest goes when there is no room", async () => {
    await open({ cache: { enabled: true, max_entry_kb: 0.1 } });
    await (await ask("openai-chat", false)).text();
    expect((await ask("openai-chat", false)).headers.get("x-trunkline-cache")).toBe("miss");
  });
});

describe("what it costs", () => {
  test("a hit costs nothing and says what it saved; budgets and metrics know", async () => {
    await open({ prices: [{ provider: "u-chat", model: "*", input: 1, output: 1 }] });
    await (await ask("openai-chat", false)).text();
    await (await ask("openai-chat", false)).text();
    const [miss, hit] = await rows();
    expect(miss!.cost_nano_usd).toBeGreaterThan(0);
    expect(hit).toMatchObject({
      cost_nano_usd: 0,
      saved_nano_usd: miss!.cost_nano_usd,
      input_tokens: miss!.input_tokens,
      provider: "u-chat",
    });
    const metrics = await (await gateway.get("/metrics")).text();
    expect(metrics).toContain('trunkline_cache_requests_total{result="hit"} 1');
    expect(metrics).toContain(`trunkline_cache_saved_usd_total ${miss!.cost_nano_usd! / 1e9}`);
    expect(metrics).toContain(`trunkline_upstream_requests_total{provider="u-chat",model="m"} 1`);
  });
});

describe("while it is on its way", () => {
  test("who waits gets the same error, and the next request asks anew", async () => {
    await open(
      { retries: { attempts: 0 } },
      (_request, response) => void held.push(() => sendJson(response, 400, { error: { message: "no", code: "bad" } })),
    );
    const all = Array.from({ length: 5 }, () => ask("openai-chat", true));
    await expect.poll(() => held.length).toBe(1);
    // All five have come, and had the time of another request to join the one that is on its way.
    const active = async () => ((await (await gateway.get("/v1/health")).json()) as { active: number }).active;
    await expect.poll(active).toBe(5);
    await active();
    held.forEach((send) => send());
    for (const answer of await Promise.all(all)) expect(answer.status).toBe(400);
    const next = ask("openai-chat", true);
    await expect.poll(() => held.length).toBe(2);
    held[1]!();
    expect((await next).status).toBe(400);
  });

  test("the first client leaves and the others get their answer; when all have left the upstream is stopped", async () => {
    await open({}, holding);
    const { path, body } = requestFor("openai-chat", `${providerOf["openai-chat"]}/m`, "Hello", true);
    const send = (signal: AbortSignal) =>
      fetch(gateway.origin + path, {
        method: "POST",
        headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal,
      }).then(
        (answer) => answer.text(),
        () => "left",
      );
    const leaving = [new AbortController(), new AbortController(), new AbortController()];
    const active = async () => ((await gateway.started.gateway.health()) as { active: number }).active;
    const first = send(leaving[0]!.signal);
    await expect.poll(() => held.length).toBe(1);
    const second = send(leaving[1]!.signal);
    await expect.poll(active).toBe(2);
    leaving[0]!.abort();
    expect(await first).toBe("left");
    await expect.poll(active).toBe(1);
    held[0]!();
    expect(await second).toContain("[DONE]");

    // Another question, for the cache has the first.
    Object.assign(body, { messages: [{ role: "user", content: "Other" }] });
    const alone = send(leaving[2]!.signal);
    await expect.poll(() => held.length).toBe(2);
    const aborted = upstream.nextAbort();
    leaving[2]!.abort();
    expect(await alone).toBe("left");
    await aborted;
    expect((await rows()).map(({ outcome }) => outcome).toSorted()).toEqual(["cancelled", "ok", "ok"]);
  });

  test("a provider switched off gives out nothing it answered before", async () => {
    await open();
    await (await ask("openai-chat", false)).text();
    const { killSwitches } = gateway.started.gateway.store;
    await killSwitches.set({ scope: "provider", name: "u-chat", reason: "", setAt: Date.now(), setBy: "t" });
    await expect.poll(async () => (await ask("openai-chat", false)).status, { timeout: 3000 }).toBe(503);
  });
});
