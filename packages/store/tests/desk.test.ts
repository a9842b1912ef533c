import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newUser, type AlertEvent } from "@trunkline/contracts";
import { startPostgres, type TestPostgres } from "@trunkline/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSecretBox, openStore, type Store } from "../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "trunkline-desk-"));
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["sqlite", "postgres"] as const)("%s: two processes beside one database", (kind) => {
  let one: Store;
  let other: Store;
  let turn = 0;

  beforeEach(async () => {
    const location = kind === "sqlite" ? join(folder, `${++turn}.db`) : await postgres.database(`desk_${++turn}`);
    const open = () =>
      openStore({ location, secretBox: createSecretBox(() => [Buffer.alloc(32, 7)]), now: () => Date.now() });
    one = await open();
    other = await open();
    // As processes that serve requests do: they ask again in their own time.
    one.neverWait();
    other.neverWait();
  });
  afterEach(async () => {
    await one?.close();
    await other?.close();
  });

  test("write one chain of audit entries, whoever is first", async () => {
    await one.users.insert(newUser({ id: "user_1", name: "anna", createdAt: 1 }));
    const change = (store: Store, number: number) =>
      store.audited(
        { at: number, actor: "a", action: "user.change", target: "user_1", address: "", requestId: String(number) },
        async ({ users }) => {
          // Reads before it writes, as every change does.
          const before = await users.get("user_1");
          await users.update("user_1", { notes: `${before!.notes}${number},` });
          return { result: undefined, before, after: { number } };
        },
      );
    await Promise.all(Array.from({ length: 40 }, (_, index) => change(index % 2 === 0 ? one : other, index)));
    expect(await one.audit.verify()).toMatchObject({ isWhole: true, entries: 40 });
    // What one has read is what it changes: nobody's note is lost.
    expect((await one.users.get("user_1"))!.notes.split(",")).toHaveLength(41);
    expect(await one.audit.list({ limit: 100 })).toHaveLength(40);
  });

  test("do what is done once, once", async () => {
    await one.users.insert(newUser({ id: "user_1", name: "anna", createdAt: 1 }));
    await one.users.setSecondFactor("user_1", "SECRET");
    const event: AlertEvent = {
      id: "alert_1",
      kind: "disk_low",
      subject: "s",
      title: "t",
      text: "x",
      at: 1,
      deliveries: {},
    };
    for (const ask of [
      (store: Store) => store.users.useStep("user_1", 7),
      (store: Store) => store.alerts.claimEvent(event),
      (store: Store) => store.idempotentAnswers.claim("id", "f", 1),
    ]) {
      const answers = [];
      for (const store of [one, other, one]) answers.push(await ask(store));
      expect(answers).toEqual([true, false, false]);
    }
    await one.idempotentAnswers.put("id", 201, '{"secret":1}');
    expect(await other.idempotentAnswers.find("id")).toEqual({ fingerprint: "f", status: 201, body: '{"secret":1}' });
  });

  test("count failures together, and forget them", async () => {
    const rules = { free: 2, firstMs: 1000, longestMs: 4000, forgetMs: 60_000 };
    const add = (store: Store, now: number) => store.signInFailures.add("user:x", now, rules);
    expect(await add(one, 0)).toEqual({ failures: 1, lockedUntil: 0 });
    expect(await add(other, 1)).toEqual({ failures: 2, lockedUntil: 1001 });
    expect(await add(one, 2)).toEqual({ failures: 3, lockedUntil: 2002 });
    expect((await add(one, 3)).lockedUntil).toBe(4003);
    expect((await add(one, 4)).lockedUntil).toBe(4004);
    expect(await other.signInFailures.lockedUntil(["user:x", "address:y"])).toBe(4004);
    expect((await add(other, 70_000)).failures).toBe(1);
    await one.signInFailures.clear("user:x");
    expect(await other.signInFailures.lockedUntil(["user:x"])).toBe(0);
  });

  test("keep secrets that no other root opens, and rewrite them under a new one", async () => {
    await one.configVersions.insert({ id: "cfg_1", at: 1, actor: "a", tag: "t", text: "api_key: sk-very-secret" });
    await one.alerts.putChannel({
      id: "chan_1",
      name: "n",
      kind: "slack",
      isEnabled: true,
      settings: { url: "https://hooks.example/very-secret" },
    });
    await one.contents.put("req_1", 1, { request: "very-secret", answer: "", truncated: false });
    for (const table of ["config_versions", "alert_channels", "exchange_contents"] as const)
      expect(JSON.stringify(await one.database.selectFrom(table).selectAll().execute())).not.toContain("very-secret");
    expect((await other.configVersions.get("cfg_1"))!.text).toContain("sk-very-secret");
    expect((await other.alerts.channels())[0]!.settings["url"]).toContain("very-secret");
    expect((await other.contents.get("req_1"))!.request).toBe("very-secret");
    // Nothing to rewrite under the root there is.
    expect(await one.reseal()).toBe(0);
  });
});
