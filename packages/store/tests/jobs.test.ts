import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AlertEvent, Batch, Key, KeptCredential, Login, Schedule, Task } from "@trunkline/contracts";
import { newTask, noLimits } from "@trunkline/contracts";
import { startPostgres, type TestPostgres } from "@trunkline/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSecretBox, openStore, type Store } from "../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "trunkline-store-"));
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
  rmSync(folder, { recursive: true, force: true });
});

const batchOf = (id: string, change: Partial<Batch> = {}): Batch => ({
  id,
  keyId: "key_1",
  endpoint: "/v1/messages",
  status: "validating",
  inputFileId: "file-1",
  outputFileId: null,
  errorFileId: null,
  completionWindow: "24h",
  metadata: { a: "b" },
  total: 0,
  errors: [],
  createdAt: 5,
  expiresAt: 500,
  reachedAt: {},
  ...change,
});

const taskOf = (id: string, change: Partial<Task> = {}): Task =>
  newTask({
    id,
    keyId: "key_1",
    endpoint: "/v1/messages",
    body: { model: "x" },
    createdAt: 100,
    fingerprint: "f",
    ...change,
  });

const credential = (accessToken: string): KeptCredential => ({
  accessToken,
  expiresAt: 1,
  obtainedAt: 0,
  renewal: "r",
  scope: null,
  subject: null,
  origin: null,
});

describe.each(["sqlite", "postgres"] as const)("%s", (kind) => {
  let roots = [Buffer.alloc(32, 7)];
  const clock = { now: 1000 };
  /** Two processes beside the same database. */
  let store: Store;
  let other: Store;
  let turn = 0;

  beforeEach(async () => {
    roots = [Buffer.alloc(32, 7)];
    clock.now = 1000;
    turn++;
    const location = kind === "sqlite" ? join(folder, `jobs-${turn}.db`) : await postgres.database(`jobs_${turn}`);
    const open = () => openStore({ location, secretBox: createSecretBox(() => roots), now: () => clock.now });
    store = await open();
    other = await open();
    for (const one of [store, other]) one.neverWait();
  });
  afterEach(async () => {
    await store.close();
    await other.close();
  });

  test("tasks: of two processes one takes each, a batch's after the others, and not before its time", async () => {
    const many = Array.from({ length: 20 }, (_, index) =>
      taskOf(`task_${String(index).padStart(2, "0")}`, { batchId: index < 10 ? "b" : null, runAt: 100 + index }),
    );
    await store.tasks.insert(many);
    await store.tasks.insert([taskOf("task_later", { runAt: 5000 })]);
    const [first, second] = await Promise.all([store.tasks.claim(1000, 2000, 5), other.tasks.claim(1000, 2000, 5)]);
    const taken = [...first!, ...second!].map(({ id }) => id).toSorted();
    expect(taken).toEqual(many.slice(10).map(({ id }) => id));
    expect(first![0]).toMatchObject({ status: "running", attempts: 1, startedAt: 1000, body: { model: "x" } });
    expect((await store.tasks.claim(1000, 2000, 100)).length).toBe(10);
    expect(await store.tasks.claim(1000, 2000, 100)).toEqual([]);
  });

  test("tasks: what a dead process ran is taken over, and it cannot finish what is not its own any more", async () => {
    await store.tasks.insert([taskOf("task_1")]);
    expect((await store.tasks.claim(1000, 2000, 1)).length).toBe(1);
    expect(await store.tasks.renew(["task_1"], 3000)).toEqual(new Set(["task_1"]));
    expect(await other.tasks.claim(2500, 4000, 1)).toEqual([]);
    const [again] = await other.tasks.claim(3001, 4000, 1);
    expect(again).toMatchObject({ id: "task_1", attempts: 2 });
    const end = { status: "succeeded", result: { status: 200, body: "b" }, errorCode: null } as const;
    expect(await store.tasks.renew(["task_1"], 9000)).toEqual(new Set());
    expect(await store.tasks.finish("task_1", end, 3500)).toBe(false);
    expect(await other.tasks.finish("task_1", end, 3500)).toBe(true);
    expect(await store.tasks.find("task_1", "key_1")).toMatchObject({
      status: "succeeded",
      finishedAt: 3500,
      result: { status: 200, body: "b" },
    });
    expect(await store.tasks.find("task_1", "key_2")).toBeUndefined();
    expect(await store.tasks.cancel("task_1", 4000)).toBe(false);
  });

  test("tasks: given back they count as not begun; one idempotency key is one row", async () => {
    await store.tasks.insert([taskOf("task_1")]);
    await store.tasks.claim(1000, 2000, 1);
    await store.tasks.release(["task_1"]);
    expect((await other.tasks.claim(1000, 2000, 1))[0]!.attempts).toBe(1);
    const once = await Promise.all([
      store.tasks.insert([taskOf("task_a", { idempotencyKey: "k" })]),
      other.tasks.insert([taskOf("task_b", { idempotencyKey: "k" })]),
      store.tasks.insert([taskOf("task_c", { idempotencyKey: "k", keyId: "key_2" })]),
    ]);
    expect(once[0]! + once[1]!).toBe(1);
    expect(once[2]).toBe(1);
    expect((await store.tasks.findByIdempotencyKey("key_1", "k"))!.id).toMatch(/task_[ab]/);
  });

  test("callbacks: due once a task has ended, taken by one process, and again when that one says nothing", async () => {
    const called = { callbackUrl: "https://x.example/", callbackState: "pending" } as const;
    await store.tasks.insert([taskOf("task_1", called)]);
    expect(await store.tasks.claimCallbacks(1000, 2000, 10)).toEqual([]);
    expect(await store.tasks.cancel("task_1", 1000)).toBe(true);
    const taken = await Promise.all([
      store.tasks.claimCallbacks(1000, 2000, 10),
      other.tasks.claimCallbacks(1000, 2000, 10),
    ]);
    expect(taken.flat().map(({ callbackAttempts }) => callbackAttempts)).toEqual([1]);
    expect((await other.tasks.claimCallbacks(2001, 3000, 10)).map(({ callbackAttempts }) => callbackAttempts)).toEqual([
      2,
    ]);
    await other.tasks.endCallback("task_1", { state: "dead", at: 2100, error: "no" });
    expect(await store.tasks.claimCallbacks(9000, 9999, 10)).toEqual([]);
    expect((await store.tasks.list({ callback: "dead", limit: 5 })).map(({ id }) => id)).toEqual(["task_1"]);
    expect(await store.tasks.deliverAgain("task_1", 9000)).toBe(true);
    expect((await store.tasks.claimCallbacks(9000, 9999, 10)).map(({ callbackAttempts }) => callbackAttempts)).toEqual([
      1,
    ]);
    await store.tasks.prune(99_999);
    expect(await store.tasks.find("task_1")).toBeDefined();
    await store.tasks.endCallback("task_1", { state: "delivered", at: 9000, error: null });
    await store.tasks.prune(99_999);
    expect(await store.tasks.find("task_1")).toBeUndefined();
  });

  test("lists go on where they ended", async () => {
    await store.tasks.insert(
      Array.from({ length: 7 }, (_, index) => taskOf(`task_${index}`, { createdAt: 100 + Math.floor(index / 3) })),
    );
    const seen: string[] = [];
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await store.tasks.list({ keyId: "key_1", limit: 2, ...(after === undefined ? {} : { after }) });
      if (page.length === 0) break;
      seen.push(...page.map(({ id }) => id));
    }
    expect(seen).toEqual(["task_6", "task_5", "task_4", "task_3", "task_2", "task_1", "task_0"]);

    const batches: string[] = [];
    for (let index = 0; index < 5; index++)
      await store.batches.insert(batchOf(`batch_${index}`, { createdAt: 100 + Math.floor(index / 3) }));
    for (let after: string | undefined; ; after = batches.at(-1)) {
      const page = await store.batches.list("key_1", after, 2);
      if (page.length === 0) break;
      batches.push(...page.map(({ id }) => id));
    }
    expect(batches).toEqual(["batch_4", "batch_3", "batch_2", "batch_1", "batch_0"]);

    const told: AlertEvent[] = [];
    for (let index = 0; index < 5; index++)
      await store.alerts.putEvent({
        id: `alert_${index}`,
        kind: "disk_low",
        subject: "data",
        title: "t",
        text: "",
        at: 100 + Math.floor(index / 3),
        deliveries: {},
      });
    for (let page = await store.alerts.events(2); page.length > 0; page = await store.alerts.events(2, told.at(-1)))
      told.push(...page);
    expect(told.map(({ id }) => id)).toEqual(["alert_4", "alert_3", "alert_2", "alert_1", "alert_0"]);
  });

  test("schedules: one process decides, all of it or nothing; held tasks go one after the other", async () => {
    const schedule: Schedule = {
      id: "sched_1",
      keyId: "key_1",
      name: "n",
      cron: "* * * * *",
      timeZone: "UTC",
      endpoint: "/v1/messages",
      body: { model: "x" },
      callbackUrl: null,
      missed: "all",
      overlap: "queue",
      isPaused: false,
      createdAt: 0,
      nextAt: 500,
    };
    await store.schedules.insert(schedule);
    expect(await store.schedules.due(499, 10)).toEqual([]);
    const [due] = await store.schedules.due(500, 10);
    expect(due).toEqual(schedule);
    const decision = (by: string) => ({
      runs: [
        {
          id: `run_${by}`,
          scheduleId: "sched_1",
          dueAt: 500,
          decidedAt: 600,
          outcome: "started" as const,
          taskId: `task_${by}1`,
        },
      ],
      tasks: [1, 2, 3].map((number) =>
        taskOf(`task_${by}${number}`, {
          scheduleId: "sched_1",
          status: number === 1 ? "queued" : "held",
          createdAt: number,
        }),
      ),
      cancel: [],
      nextAt: 700,
    });
    const all = await Promise.all([
      store.schedules.decide(due!, decision("a"), 600),
      other.schedules.decide(due!, decision("b"), 600),
    ]);
    expect(all.filter(Boolean).length).toBe(1);
    expect((await store.schedules.runs("sched_1", 10)).length).toBe(1);
    const openTasks = await store.tasks.openOfSchedule("sched_1");
    expect(openTasks.map(({ status }) => status)).toEqual(["queued", "held", "held"]);
    expect(await store.tasks.releaseHeld(600)).toBe(0);
    await store.tasks.cancel(openTasks[0]!.id, 700);
    expect(await store.tasks.releaseHeld(700)).toBe(1);
    expect((await store.tasks.openOfSchedule("sched_1")).map(({ status }) => status)).toEqual(["queued", "held"]);
    // Changed meanwhile: what was decided before does not count any more.
    await store.schedules.update({ ...schedule, nextAt: 900 });
    expect(await store.schedules.decide({ ...schedule, nextAt: 700 }, decision("c"), 800)).toBe(false);
    expect((await store.schedules.list("key_1")).length).toBe(1);
    await store.schedules.remove("sched_1");
    expect(await store.schedules.runs("sched_1", 10)).toEqual([]);
  });

  test("files and batches", async () => {
    async function* content() {
      yield Buffer.from([0, 1, 255]);
      yield Buffer.from("more");
    }
    const about = { id: "file-1", keyId: "key_1", filename: "f", purpose: "batch", createdAt: 5, expiresAt: 50 };
    expect(await store.files.write(about, content())).toMatchObject({ bytes: 7 });
    const pieces: Buffer[] = [];
    for await (const piece of other.files.read("file-1")) pieces.push(piece);
    expect(Buffer.concat(pieces)).toEqual(Buffer.from([0, 1, 255, ...Buffer.from("more")]));
    async function* broken() {
      yield Buffer.from("x");
      throw new Error("the client left");
    }
    await expect(store.files.write({ ...about, id: "file-2" }, broken())).rejects.toThrow("the client left");
    expect(await store.database.selectFrom("file_chunks").select("file_id").distinct().execute()).toEqual([
      { file_id: "file-1" },
    ]);
    await store.files.prune(51);
    expect(await store.files.find("file-1", "key_1")).toBeUndefined();

    const batch = batchOf("batch_1");
    await store.batches.insert(batch);
    const claimed = await Promise.all([store.batches.claim(10, 20), other.batches.claim(10, 20)]);
    expect(claimed.flat()).toEqual([batch]);
    expect(await store.batches.move(batch, "in_progress", 11, { total: 3 })).toBe(true);
    expect(await other.batches.move(batch, "failed", 12)).toBe(false);
    expect(await other.batches.find("batch_1", "key_1")).toMatchObject({
      status: "in_progress",
      total: 3,
      reachedAt: { in_progress: 11 },
    });
  });

  test("credentials: of all that would renew one version, one may; what came between is not overwritten", async () => {
    await store.credentials.put("p", { credential: credential("a"), state: "ready", problem: null, skewMs: 0.4 });
    const [locked, refused] = await Promise.all([
      store.credentials.lock("p", 1, 5000),
      other.credentials.lock("p", 1, 5000),
    ]);
    expect([locked, refused].toSorted()).toEqual([false, true]);
    clock.now = 5001;
    expect(await other.credentials.lock("p", 1, 9000)).toBe(true);
    await store.credentials.put("p", {
      credential: credential("signed in anew"),
      state: "ready",
      problem: null,
      skewMs: 0,
    });
    expect(
      await other.credentials.renew("p", 1, {
        credential: credential("late"),
        state: "ready",
        problem: null,
        skewMs: 0,
      }),
    ).toBe(false);
    expect(await store.credentials.load("p")).toMatchObject({
      credential: { accessToken: "signed in anew" },
      version: 2,
    });
    await store.credentials.remove("p");
    expect(await store.credentials.load("p")).toBeUndefined();
  });

  test("sign-ins: an answer is used once, and old ones are forgotten", async () => {
    const login = (id: string, createdAt: number): Login => ({
      id,
      provider: "p",
      flow: "code",
      status: "pending",
      problem: null,
      createdAt,
      expiresAt: createdAt + 10,
      secrets: { verifier: "v" },
    });
    await store.logins.create(login("login_1", 0));
    expect(await Promise.all([store.logins.claim("login_1"), other.logins.claim("login_1")])).toContain(false);
    await store.logins.end("login_1", "failed", "why");
    expect(await store.logins.find("login_1")).toMatchObject({
      status: "failed",
      problem: "why",
      secrets: { verifier: "v" },
    });
    await store.logins.create(login("login_2", 9_000_000));
    expect(await store.logins.find("login_1")).toBeUndefined();
  });

  test("a rotated key's old secret works as long as its grace", async () => {
    const key: Key = {
      id: "key_1",
      name: "n",
      prefix: "tl-",
      active: true,
      createdAt: 0,
      expiresAt: null,
      models: [],
      rpm: null,
      notes: "",
      user: null,
      group: null,
      limits: noLimits,
    };
    await store.keys.insert(key, "first");
    await store.keys.replaceSecret("key_1", "second", "tl-", 2000);
    expect([(await store.keys.find("first"))?.id, (await store.keys.find("second"))?.id]).toEqual(["key_1", "key_1"]);
    clock.now = 2000;
    expect([await store.keys.find("first"), (await store.keys.find("second"))?.id]).toEqual([undefined, "key_1"]);
    await store.keys.replaceSecret("key_1", "third", "tl-");
    expect(await store.keys.find("second")).toBeUndefined();
  });

  test("a new root: everything is sealed anew, and nothing of the old one is needed any more", async () => {
    await store.tasks.insert([taskOf("task_1")]);
    await store.tasks.claim(1000, 2000, 1);
    await store.tasks.finish("task_1", { status: "failed", result: { status: 500, body: 1 }, errorCode: "e" }, 1000);
    await store.credentials.put("p", { credential: credential("a"), state: "ready", problem: null, skewMs: 0 });
    await store.webhookSecrets.make("key_1", { current: "whsec_a", previous: null, previousUntil: 0 });
    await store.files.write(
      { id: "file-1", keyId: "k", filename: "f", purpose: "batch", createdAt: 0, expiresAt: null },
      (async function* () {
        yield Buffer.from("x");
      })(),
    );
    roots = [roots[0]!, Buffer.alloc(32, 9)];
    const next = createSecretBox(() => roots);
    const location = kind === "sqlite" ? join(folder, `jobs-${turn}.db`) : await postgres.database(`jobs_${turn}`);
    const rotating = await openStore({ location, secretBox: next, now: () => 0 });
    expect(await rotating.reseal()).toBe(5);
    expect(await rotating.reseal()).toBe(0);
    await rotating.close();
    // A process that has not heard of the new root reads it when it meets it.
    expect(await store.tasks.find("task_1")).toMatchObject({ result: { status: 500, body: 1 } });
    roots = [Buffer.alloc(32, 1), roots[1]!];
    const without = await openStore({ location, secretBox: createSecretBox(() => roots), now: () => 0 });
    expect(await without.credentials.load("p")).toMatchObject({ credential: { accessToken: "a" } });
    await without.close();
  });
});
