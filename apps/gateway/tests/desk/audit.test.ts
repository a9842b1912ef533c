import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { startDesk, type TestDesk } from "./desk.ts";

let desk: TestDesk;
afterEach(() => desk?.close());
const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");

async function verify(): Promise<{ code: number; text: string }> {
  const env = { PATH: process.env["PATH"]!, TRUNKLINE_HOME: desk.gateway.home };
  return promisify(execFile)(process.execPath, [bin, "audit", "verify"], { env }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, text: error.stdout }),
  );
}

test("every change is one entry, bound to the one before; what is changed in it afterwards shows", async () => {
  desk = await startDesk();
  const admin = desk.as("admin");
  await Promise.all(["a", "b", "c", "d", "e"].map((name) => admin("POST", "/keys", { name })));
  await admin("POST", "/kill-switches", { scope: "provider", name: "trunkline", reason: "test" });
  await admin("DELETE", "/kill-switches/provider/trunkline");
  expect((await admin("GET", "/audit/verify")).body).toMatchObject({ whole: true, entries: 7 });
  expect(await verify()).toEqual({ code: 0, text: expect.stringContaining("All 7 entries are as they were written") });

  const { database } = desk.gateway.started.gateway.store;
  const [third] = await database.selectFrom("audit").selectAll().where("number", "=", 3).execute();
  await database.updateTable("audit").set({ actor: "user:somebody-else" }).where("number", "=", 3).execute();
  expect((await admin("GET", "/audit/verify")).body).toMatchObject({
    whole: false,
    problem: expect.stringContaining("entry 3 was changed"),
  });
  expect((await verify()).code).toBe(1);
  await database.updateTable("audit").set({ actor: third!.actor }).where("number", "=", 3).execute();
  expect((await verify()).code).toBe(0);
  await database.deleteFrom("audit").where("number", "=", 4).execute();
  expect(await verify()).toEqual({ code: 1, text: expect.stringContaining("entry 4 is missing") });
});

test("what is changed at the terminal stands in it, too", async () => {
  desk = await startDesk();
  const env = { PATH: process.env["PATH"]!, TRUNKLINE_HOME: desk.gateway.home };
  const run = (...args: string[]) => promisify(execFile)(process.execPath, [bin, ...args, "--json"], { env });
  await run("keys", "create", "--name", "typed");
  await run("keys", "update", "typed", "--rpm", "5");
  await run("keys", "rotate", "typed");
  await run("keys", "revoke", "typed");
  await run("kill", "model", "x-*");
  await run("unkill", "model", "x-*");
  await expect(run("unkill", "model", "x-*")).rejects.toThrow("not switched off");
  await run("workers", "add", "laptop");
  const { items } = (await desk.as("admin")("GET", "/audit")).body;
  expect(items.map(({ action }: { action: string }) => action)).toEqual([
    "worker-token.create",
    "kill-switch.lift",
    "kill-switch.set",
    "key.revoke",
    "key.rotate",
    "key.change",
    "key.create",
  ]);
  expect(new Set(items.map(({ actor }: { actor: string }) => actor.split(":")[0]))).toEqual(new Set(["cli"]));
  expect((await desk.as("admin")("GET", "/audit/verify")).body.whole).toBe(true);
});

test("what fails leaves no entry, and what is written down has no secrets", async () => {
  desk = await startDesk();
  const admin = desk.as("admin");
  const password = "a password nobody sees";
  const { id } = (await admin("POST", "/users", { name: "anna", role: "viewer", password })).body;
  expect((await admin("POST", "/users", { name: "anna" })).status).toBe(409);
  await admin("PATCH", `/users/${id}`, { password: `${password} again` }, { "if-match": "*" });
  await admin("POST", "/alert-channels", {
    name: "chat",
    kind: "slack",
    settings: { url: "http://127.0.0.1:9/services/very-secret" },
  });
  const { text, body } = await admin("GET", "/audit");
  expect(body.items.map(({ action }: { action: string }) => action)).toEqual([
    "alert-channel.create",
    "user.change",
    "user.create",
  ]);
  for (const secret of [password, "very-secret"]) expect(text).not.toContain(secret);
  expect(body.items[1].after).toMatchObject({ password_changed: true });
});

test("signing in and out stands in it, also what failed", async () => {
  desk = await startDesk();
  const cookie = await desk.signIn("viewer", "staple of the others");
  await desk.withCookie(cookie)("DELETE", "/session");
  await desk.withCookie("")("POST", "/session", { name: "viewer", password: "wrong" });
  const { items } = (await desk.as("admin")("GET", "/audit?actor=user:viewer")).body;
  expect(items.map(({ action, address }: Record<string, string>) => [action, address])).toEqual([
    ["session.refused", "127.0.0.1"],
    ["session.end", "127.0.0.1"],
    ["session.begin", "127.0.0.1"],
  ]);
});
