import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { usageOf, type AccountState, type ExchangeRecord, type Key, type SessionRecord } from "@trunkline/contracts";
import { startPostgres, type TestPostgres } from "@trunkline/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSecretBox, openStore, type Store } from "../src/index.ts";

const secretBox = createSecretBox(() => [Buffer.alloc(32, 7)]);
const folder = mkdtempSync(join(tmpdir(), "trunkline-store-"));
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
  rmSync(folder, { recursive: true, force: true });
});

const key: Key = {
  id: "key_1",
  name: "one",
  prefix: "tl-abc",
  active: true,
  createdAt: 1_760_000_000_000,
  expiresAt: null,
  models: ["gpt-*"],
  rpm: 5,
  notes: "",
  user: "anna",
  group: null,
  limits: {
    tpm: 10,
    inputTpm: null,
    outputTpm: null,
    concurrent: 2,
    budgets: [{ unit: "usd", amount: 5, softAmount: null, per: "day", isRolling: false, zone: "UTC" }],
  },
};

function exchange(id: string, startedAt: number): ExchangeRecord {
  return {
    id,
    startedAt,
    durationMs: 12.5,
    firstContentMs: 3,
    operation: "generate",
    dialect: "openai-chat",
    upstreamDialect: "openai-chat",
    keyId: "key_1",
    requestedModel: "m",
    provider: "p",
    model: "m",
    stream: true,
    status: 200,
    outcome: "ok",
    errorCode: null,
    finishReason: "stop",
    serviceTier: null,
    usage: usageOf({ inputTokens: 3, outputTokens: 4 }),
    degraded: ["seed"],
    attempts: [
      {
        provider: "p",
        model: "m",
        startedAt,
        durationMs: 1,
        status: 0,
        error: "upstream_unreachable",
        reason: "refused",
        isSkipped: false,
        until: null,
      },
      {
        provider: "p",
        model: "m",
        startedAt,
        durationMs: 9,
        status: 200,
        error: null,
        reason: null,
        isSkipped: false,
        until: null,
      },
    ],
    route: "",
    reservations: [],
    cache: null,
    sessionId: null,
    client: "",
    trace: null,
  };
}

// Every store passes the same suite.
describe.each(["sqlite", "postgres"] as const)("%s", (kind) => {
  let store: Store;
  const location = () => (kind === "sqlite" ? join(folder, "a.db") : postgres.address);
  beforeAll(async () => {
    store = await openStore({ location: location(), secretBox, now: Date.now });
  });
  afterAll(() => store?.close());

  test("keys: only the hash is stored; they are found, changed and given a new secret", async () => {
    await store.keys.insert(key, "tl-secret-one");
    const raw = await store.database.selectFrom("keys").selectAll().execute();
    expect(JSON.stringify(raw)).not.toContain("secret-one");
    expect(await store.keys.find("tl-secret-one")).toEqual(key);
    expect(await store.keys.find("tl-secret-two")).toBeUndefined();
    await store.keys.update("key_1", { active: false, rpm: null, expiresAt: 5 });
    expect(await store.keys.get("one")).toMatchObject({ active: false, rpm: null, expiresAt: 5 });
    await store.keys.replaceSecret("key_1", "tl-secret-two", "tl-sec");
    expect(await store.keys.find("tl-secret-one")).toBeUndefined();
    expect(await store.keys.find("tl-secret-two")).toMatchObject({ id: "key_1", prefix: "tl-sec" });
    expect(await store.keys.count()).toBe(1);
    expect(await store.keys.list()).toHaveLength(1);
  });

  test("exchanges: a batch is written whole, with the attempts that say something", async () => {
    const plain = { ...exchange("req_2", 2000), attempts: [exchange("x", 0).attempts[1]!] };
    await store.appendExchanges([
      { record: exchange("req_1", 1000), costNanoUsd: 123_456_789_012, savedNanoUsd: null },
      { record: plain, costNanoUsd: null, savedNanoUsd: null },
    ]);
    const rows = await store.database.selectFrom("exchanges").selectAll().orderBy("id").execute();
    expect(
      rows.map((row) => [
        row.id,
        Number(row.started_at),
        Number(row.input_tokens),
        row.cost_nano_usd === null ? null : Number(row.cost_nano_usd),
        row.degraded,
      ]),
    ).toEqual([
      ["req_1", 1000, 3, 123_456_789_012, "seed"],
      ["req_2", 2000, 3, null, "seed"],
    ]);
    const attempts = await store.database
      .selectFrom("attempts")
      .select(["exchange_id", "number", "error"])
      .orderBy("number")
      .execute();
    expect(attempts).toEqual([
      { exchange_id: "req_1", number: 1, error: "upstream_unreachable" },
      { exchange_id: "req_1", number: 2, error: null },
    ]);
  });

  test("a batch with one bad row writes none of it", async () => {
    const bad = { ...exchange("req_3", 3000), provider: null as unknown as string };
    await expect(
      store.appendExchanges([
        { record: exchange("req_4", 3000), costNanoUsd: 1, savedNanoUsd: null },
        { record: bad, costNanoUsd: 1, savedNanoUsd: null },
      ]),
    ).rejects.toThrow();
    expect(await store.database.selectFrom("exchanges").select("id").where("started_at", "=", 3000).execute()).toEqual(
      [],
    );
  });

  test("responses are sealed, belong to one key, and are forgotten when told", async () => {
    const entry = {
      id: "resp_1",
      keyId: "key_1",
      provider: null,
      createdAt: 1000,
      input: [{ type: "message", content: "my secret" }],
      response: { id: "resp_1", output: [] },
    };
    await store.responses.save(entry);
    const raw = await store.database.selectFrom("responses").selectAll().execute();
    expect(JSON.stringify(raw)).not.toContain("my secret");
    expect(await store.responses.find("resp_1", "key_1")).toEqual(entry);
    expect(await store.responses.find("resp_1", "key_2")).toBeUndefined();
    expect(await store.responses.delete("resp_1", "key_2")).toBe(false);
    expect(await store.responses.delete("resp_1", "key_1")).toBe(true);
  });

  test("a kill switch is set once, however many set it at once, and stays on record when it is lifted", async () => {
    const set = (setBy: string, name = "claude") =>
      store.killSwitches.set({ scope: "provider", name, reason: "", setAt: 1000, setBy });
    const wins = await Promise.all(Array.from({ length: 8 }, (_, turn) => set(`cli:${turn}`)));
    expect(wins.filter(Boolean)).toHaveLength(1);
    expect(await store.killSwitches.active()).toMatchObject([{ scope: "provider", name: "claude", liftedAt: null }]);
    expect(await store.killSwitches.lift("provider", "codex", 2000, "cli:x")).toBe(false);
    expect(await store.killSwitches.lift("provider", "claude", 2000, "cli:x")).toBe(true);
    expect(await store.killSwitches.lift("provider", "claude", 2000, "cli:x")).toBe(false);
    expect(await store.killSwitches.active()).toEqual([]);
    expect(await set("cli:again")).toBe(true);
    expect(await store.killSwitches.history(5)).toHaveLength(2);
    expect(await store.killSwitches.history(1)).toHaveLength(1);
    expect(await store.killSwitches.lift("provider", "claude", 3000, "cli:x")).toBe(true);
  });

  test("a session is held by one turn at a time, belongs to one key, and what is said in it is sealed", async () => {
    const session: SessionRecord = {
      id: "s1",
      keyId: "key_1",
      provider: "claude",
      account: "main",
      resumeId: null,
      system: "You are a heron.",
      history: null,
      turns: 0,
      createdAt: 1000,
      usedAt: 1000,
    };
    await store.sessions.create(session, 5000);
    expect(await store.sessions.lock("s1", "key_1", 2000, 9000)).toBe("busy");
    expect(await store.sessions.lock("s1", "key_2", 2000, 9000)).toBeUndefined();
    await store.sessions.unlock("s1");
    const taken = await Promise.all(Array.from({ length: 8 }, () => store.sessions.lock("s1", "key_1", 2000, 9000)));
    expect(taken.filter((found) => found !== "busy")).toEqual([session]);
    // A turn that never came back lets go in time.
    expect(await store.sessions.lock("s1", "key_1", 9000, 9500)).toEqual(session);
    const changed: SessionRecord = {
      ...session,
      resumeId: "r1",
      turns: 1,
      usedAt: 3000,
      history: [{ role: "user", content: [{ type: "text", text: "heron" }] }],
    };
    await store.sessions.update(changed);
    expect(await store.sessions.lock("s1", "key_1", 9000, 9500)).toEqual(changed);
    const rows = await store.database.selectFrom("sessions").selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain("heron");
    expect(await store.sessions.expired("claude", 3000, 1000)).toEqual([]);
    expect(await store.sessions.expired("claude", 3001, 1000)).toEqual([changed]);
    expect(await store.sessions.expired("claude", 1000, 1001)).toEqual([changed]);
    expect(await store.sessions.expired("codex", 9999, 9999)).toEqual([]);
    await store.sessions.remove("s1");
    expect(await store.sessions.lock("s1", "key_1", 9999, 9999)).toBeUndefined();
  });

  test("what is known of accounts is kept, the newest wins", async () => {
    const state: AccountState = { windows: [], restUntil: 5, reason: "it rests", signedOut: false };
    await store.accountStates.save("claude", "main", { ...state, restUntil: 1 });
    await Promise.all([
      store.accountStates.save("claude", "work", state),
      store.accountStates.save("codex", "main", state),
    ]);
    await store.accountStates.save("claude", "main", state);
    expect([...(await store.accountStates.load("claude"))].toSorted()).toEqual([
      ["main", state],
      ["work", state],
    ]);
    await store.accountStates.remove("claude", "main");
    expect([...(await store.accountStates.load("claude")).keys()]).toEqual(["work"]);
  });

  test("exchanges are listed newest first, by page and by what is asked for", async () => {
    const failed = {
      ...exchange("req_f", 5000),
      keyId: "key_2",
      provider: "q",
      requestedModel: "alias",
      status: 429,
      outcome: "error" as const,
      errorCode: "rate_limited",
    };
    const earlier = (await store.exchanges.list({ limit: 1000 })).length;
    await store.appendExchanges([
      { record: exchange("req_l1", 4000), costNanoUsd: 1, savedNanoUsd: null },
      { record: failed, costNanoUsd: null, savedNanoUsd: null },
      { record: exchange("req_l2", 6000), costNanoUsd: 2, savedNanoUsd: null },
    ]);
    const ids = async (filter: object) => (await store.exchanges.list({ limit: 2, ...filter })).map(({ id }) => id);
    expect(await ids({})).toEqual(["req_l2", "req_f"]);
    const [, second] = await store.exchanges.list({ limit: 2 });
    expect((await ids({ before: second!.position }))[0]).toBe("req_l1");
    for (const filter of [
      { keyId: "key_2" },
      { provider: "q" },
      { model: "alias" },
      { status: 429 },
      { outcome: "error" },
      { errorCode: "rate_limited" },
    ])
      expect(await ids(filter)).toEqual(["req_f"]);
    expect(await ids({ since: 6000 })).toEqual(["req_l2"]);
    expect(await ids({ keyId: "key_2", status: 200 })).toEqual([]);
    expect(await store.exchanges.list({ limit: 1000 })).toHaveLength(earlier + 3);
  });

  test("rows another process may have written are written once", async () => {
    const [old, fresh] = [exchange("req_m1", 7000), exchange("req_m2", 7001)];
    await store.appendExchanges([{ record: old, costNanoUsd: 1, savedNanoUsd: null }]);
    await store.appendMissing([
      { record: old, costNanoUsd: 1, savedNanoUsd: null },
      { record: fresh, costNanoUsd: 2, savedNanoUsd: null },
    ]);
    const found = (await store.exchanges.list({ limit: 10, since: 7000 })).map(({ id }) => id);
    expect(found).toEqual(["req_m2", "req_m1"]);
  });

  test("pruning takes what is old and leaves the rest", async () => {
    expect(
      await store.prune(
        { exchanges: 1500, responses: 0, tasks: 0, budgets: 0, statistics: 0 },
        new AbortController().signal,
      ),
    ).toBe(1);
    const left = (await store.exchanges.list({ limit: 100 })).map(({ id }) => id);
    expect(left).toContain("req_2");
    expect(left).not.toContain("req_1");
    const attempts = await store.database.selectFrom("attempts").select("exchange_id").execute();
    expect(attempts.map((row) => row.exchange_id)).not.toContain("req_1");
  });

  test("opening again changes nothing; a newer schema is refused", async () => {
    const again = await openStore({ location: location(), secretBox, now: Date.now });
    expect(await again.keys.count()).toBe(1);
    await again.database.insertInto("migrations").values({ name: "9999-from-the-future", applied_at: 0 }).execute();
    await again.close();
    await expect(openStore({ location: location(), secretBox, now: Date.now })).rejects.toThrow("newer Trunkline");
    await store.database.deleteFrom("migrations").where("name", "=", "9999-from-the-future").execute();
  });
  describe("budgets", () => {
    const wish = (budget: string, amount: number, limit = 100, slot = 1000) => ({
      budget,
      since: 1000,
      slot,
      limit,
      amount,
    });
    const settled = (id: string, budget: string, amount: number, costNanoUsd: number | null, isUsed = true) => ({
      record: {
        ...exchange(id, 1000),
        attempts: [],
        reservations: [{ budget, slot: 1000, amount, unit: "usd" as const, isUsed }],
      },
      costNanoUsd,
      savedNanoUsd: null,
    });

    test("are granted in order as long as they are not used up, and at most one request goes beyond", async () => {
      const answers = await store.budgets.reserve(
        Array.from({ length: 20 }, () => [wish("b1", 30)]),
        1,
      );
      expect(answers.map(({ granted }) => granted)).toEqual([
        true,
        true,
        true,
        true,
        ...Array<boolean>(16).fill(false),
      ]);
      expect(answers.map(({ used }) => used[0]).slice(0, 5)).toEqual([0, 30, 60, 90, 120]);
      await store.appendExchanges([
        settled("req_b1", "b1", 30, 7),
        settled("req_b2", "b1", 30, null),
        settled("req_b3", "b1", 30, 7, false),
      ]);
      expect(await store.budgets.read([{ budget: "b1", since: 1000 }])).toEqual([{ spent: 7, reserved: 30 }]);
    });

    test("of one request all are granted or none", async () => {
      const [answer] = await store.budgets.reserve([[wish("b2", 1), wish("b3", 1, 0)]], 1);
      expect(answer).toEqual({ granted: false, used: [0, 0] });
      expect(await store.budgets.read([{ budget: "b2", since: 0 }])).toEqual([{ spent: 0, reserved: 0 }]);
    });

    test("what lies before the stretch does not count", async () => {
      await store.budgets.reserve([[wish("b4", 100, 100, 500)], [wish("b4", 1)]], 1);
      expect(await store.budgets.reserve([[wish("b4", 1)]], 1)).toMatchObject([{ granted: true, used: [1] }]);
    });

    test("another process counts, and what it had set aside is taken as spent when it has died", async () => {
      const other = await openStore({ location: location(), secretBox, now: Date.now });
      await other.budgets.reserve([[wish("b5", 60)], [wish("b5", 60)]], 1000);
      await other.close();
      expect(await store.budgets.reserve([[wish("b5", 1)]], 1000)).toMatchObject([{ granted: false, used: [120] }]);
      await store.budgets.keep(90_999);
      expect(await store.budgets.read([{ budget: "b5", since: 0 }])).toEqual([{ spent: 0, reserved: 120 }]);
      await store.budgets.keep(91_001);
      await store.budgets.keep(91_002);
      expect(await store.budgets.read([{ budget: "b5", since: 0 }])).toEqual([{ spent: 120, reserved: 0 }]);
    });

    test("many at once in two processes are granted no more than there is", async () => {
      const other = await openStore({ location: location(), secretBox, now: Date.now });
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) => (index % 2 ? store : other).budgets.reserve([[wish("b6", 10)]], 1)),
      );
      expect(answers.flat().filter(({ granted }) => granted)).toHaveLength(10);
      await other.close();
    });

    test("what was spent before they were set is booked once", async () => {
      expect(await store.budgets.known(["b7"])).toEqual(new Set());
      await store.budgets.seed("b7", [{ slot: 1000, amount: 5 }]);
      await store.budgets.seed("b7", [{ slot: 1000, amount: 5 }]);
      expect(await store.budgets.known(["b7", "b8"])).toEqual(new Set(["b7"]));
      expect(await store.budgets.read([{ budget: "b7", since: 1000 }])).toEqual([{ spent: 5, reserved: 0 }]);
    });
  });
});

test("the file is the owner's alone, and a backup is a whole copy", async () => {
  const path = join(folder, "b.db");
  const store = await openStore({ location: path, secretBox, now: Date.now });
  await store.keys.insert(key, "tl-s");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const copy = join(folder, "copy.db");
  await store.backup(copy);
  await expect(store.backup(copy)).rejects.toThrow("exists already");
  await store.close();
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  const opened = await openStore({ location: copy, secretBox, now: Date.now });
  expect(await opened.keys.count()).toBe(1);
  expect(await opened.check()).toEqual([]);
  await opened.close();
});

test("a locked file is not waited for: rows are refused at once, and a response is kept once it is free", async () => {
  const path = join(folder, "locked.db");
  const store = await openStore({ location: path, secretBox, now: Date.now });
  store.neverWait();
  const other = new DatabaseSync(path);
  other.exec("begin immediate");
  await expect(
    store.appendExchanges([{ record: exchange("req_1", 1), costNanoUsd: null, savedNanoUsd: null }]),
  ).rejects.toThrow("locked");
  const saving = store.responses.save({
    id: "resp_1",
    keyId: "k",
    provider: "p",
    input: null,
    response: null,
    createdAt: 1,
  });
  other.exec("rollback");
  other.close();
  await saving;
  expect(await store.responses.find("resp_1", "k")).toMatchObject({ provider: "p" });
  await store.close();
});

test("a sealed text opens only with its key and purpose, and every seal differs", () => {
  const sealed = secretBox.seal("text", "a");
  expect(secretBox.seal("text", "a")).not.toBe(sealed);
  expect(secretBox.open(sealed, "a")).toBe("text");
  expect(() => secretBox.open(sealed, "b")).toThrow();
  expect(() => createSecretBox(() => [Buffer.alloc(32, 8)]).open(sealed, "a")).toThrow();
  expect(readFileSync(join(folder, "b.db")).includes("tl-s")).toBe(false);
});
