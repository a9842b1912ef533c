import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DialectName, KillSwitch } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import type { FakeUpstream } from "@trunkline/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createKillSwitches, environmentSwitches, readWishes } from "../src/kill-switches.ts";
import { providerOf, requestFor, startGateway, startPair, type TestGateway } from "./harness.ts";

const run = promisify(execFile);
const bin = join(import.meta.dirname, "../bin/trunkline.mjs");
afterEach(() => void vi.useRealTimers());

const names = Object.keys(dialects) as DialectName[];

describe("switches set by the command line", () => {
  let gateway: TestGateway;
  let upstream: FakeUpstream;
  let close: () => Promise<void>;

  beforeEach(async () => {
    ({ gateway, upstream, close } = await startPair());
  });
  afterEach(() => close());

  /** The command in a process of its own, as an operator types it; what it printed, or its failure. */
  async function trunkline(...args: string[]): Promise<{ code: number; out: string }> {
    const env = { PATH: process.env["PATH"]!, HOME: gateway.home, TRUNKLINE_HOME: gateway.home };
    return run(process.execPath, [bin, ...args], { env }).then(
      ({ stdout }) => ({ code: 0, out: stdout }),
      (error: { code: number; stderr: string }) => ({ code: error.code, out: error.stderr }),
    );
  }

  function ask(dialect: DialectName, stream = false, secret = gateway.key): Promise<Response> {
    const { path, body } = requestFor(dialect, `${providerOf[dialect]}/m`, "Hello", stream);
    return gateway.post(path, body, { authorization: `Bearer ${secret}` });
  }

  async function refusalsOf(): Promise<{ status: number; retry: string | null; text: string }[]> {
    const answers = await Promise.all(names.flatMap((name) => [ask(name), ask(name, true)]));
    return Promise.all(
      answers.map(async (answer) => ({
        status: answer.status,
        retry: answer.headers.get("x-should-retry"),
        text: await answer.text(),
      })),
    );
  }

  test("everything: the next request is refused in its own dialect, no provider hears of it, and unkill ends it", async () => {
    expect(await trunkline("kill", "everything", "--reason", "bill too high")).toEqual({
      code: 0,
      out: "Everything is switched off from the next request on.\n",
    });
    for (const { status, retry, text } of await refusalsOf()) {
      expect(status).toBe(503);
      expect(retry).toBe("false");
      expect(text).toContain("The gateway is switched off by the operator: bill too high.");
    }
    expect(upstream.received).toHaveLength(0);
    expect(await (await gateway.get("/v1/health")).json()).toMatchObject({
      kill_switches: [{ scope: "everything", name: "", reason: "bill too high" }],
    });
    expect((await trunkline("kill", "everything")).out).toContain("switched off already");
    expect((await trunkline("unkill", "everything")).code).toBe(0);
    for (const { status } of await refusalsOf()) expect(status).toBe(200);
    const history = JSON.parse((await trunkline("kills", "--all", "--json")).out) as Record<string, string>[];
    expect(history).toMatchObject([{ scope: "everything", reason: "bill too high" }]);
    expect(history[0]!["setBy"]).toMatch(/^cli:./);
    expect(history[0]!["liftedBy"]).toMatch(/^cli:./);
    expect((await trunkline("kills")).out).toBe("Nothing is switched off.\n");
  });

  test("a provider, a model and a key: only what is named is refused", async () => {
    const other = await gateway.makeKey({ name: "other" });
    await trunkline("kill", "provider", "u-chat");
    expect((await ask("openai-chat")).status).toBe(503);
    expect((await ask("gemini")).status).toBe(200);
    await trunkline("unkill", "provider", "u-chat");
    await trunkline("kill", "model", "u-gemini/*");
    expect((await ask("gemini")).status).toBe(503);
    expect((await ask("openai-chat")).status).toBe(200);
    await trunkline("unkill", "model", "u-gemini/*");
    await trunkline("kill", "key", "other");
    expect((await ask("gemini", false, other.secret)).status).toBe(503);
    expect((await ask("gemini")).status).toBe(200);
  });

  test("a refusal has its row in the ledger", async () => {
    await trunkline("kill", "provider", "u-chat");
    await ask("openai-chat");
    await expect
      .poll(async () => JSON.parse((await trunkline("requests", "--json")).out) as object[])
      .toMatchObject([{ status: 503, error_code: "switched_off" }]);
  });

  test.each([
    [["kill", "planet", "x"], 2, "There is everything, provider, model, route, key to switch off, not 'planet'."],
    [["kill", "provider"], 2, "Name the provider"],
    [["kill", "everything", "x"], 2, "`everything` takes no name."],
    [["kill", "provider", "u-chta"], 2, "There is no provider 'u-chta'. There are: u-chat,"],
    [["kill", "route", "gpt-*"], 2, "There is no route 'gpt-*'."],
    [["kill", "key", "nobody"], 2, "There is no single key with the id or name 'nobody'."],
    [["kill", "model", "x".repeat(257)], 2, "in 1 to 256 characters"],
    [["kill", "everything", "--reason", "x".repeat(501)], 2, "at most 500 characters"],
    [["unkill", "provider", "u-chat"], 1, "The provider 'u-chat' is not switched off here."],
  ])("%j says what is wrong with it", async (args, code, text) => {
    const failed = await trunkline(...args);
    expect(failed.code).toBe(code);
    expect(failed.out).toContain(text);
  });
});

describe("switches of the environment", () => {
  const ask = (gateway: TestGateway) =>
    gateway.post("/v1/chat/completions", { model: "trunkline/echo", messages: [{ role: "user", content: "Hi" }] });

  test.each([
    ["TRUNKLINE_ENABLED", "false"],
    ["TRUNKLINE_DISABLE_TRUNKLINE", "true"],
  ])("%s=%s", async (variable, value) => {
    const gateway = await startGateway({}, { [variable]: value });
    expect((await ask(gateway)).status).toBe(503);
    expect(await (await gateway.get("/v1/health")).json()).toMatchObject({
      kill_switches: [{ by: variable }],
    });
    await gateway.close();
  });

  test("without effect when they say so, or name another provider", async () => {
    const gateway = await startGateway({}, { TRUNKLINE_ENABLED: "1", TRUNKLINE_DISABLE_OTHER: "true" });
    expect((await ask(gateway)).status).toBe(200);
    await gateway.close();
  });

  test("a provider's name is written as a variable's; what names none is told", () => {
    const wishes = readWishes({ TRUNKLINE_DISABLE_MY_OWN_2: "on", TRUNKLINE_DISABLE_X: "yes" });
    const { switches, unknown } = environmentSwitches(wishes, ["my-own.2", "y"], 0);
    expect(switches).toMatchObject([{ scope: "provider", name: "my-own.2" }]);
    expect(unknown).toEqual(["TRUNKLINE_DISABLE_X"]);
  });

  test("a value that is neither true nor false stops the start", () => {
    expect(() => readWishes({ TRUNKLINE_DISABLE_X: "maybe" })).toThrow("TRUNKLINE_DISABLE_X must be true or false");
    expect(() => readWishes({ TRUNKLINE_ENABLED: "flase" })).toThrow("TRUNKLINE_ENABLED must be true or false");
  });
});

test("while the database fails or hangs, the switches last known stay in force and nobody waits for long", async () => {
  vi.useFakeTimers();
  const everything = { scope: "everything", name: "", reason: "", setAt: 0, setBy: "cli:x" } as const;
  let now = 0;
  let answer: Promise<readonly KillSwitch[]> = Promise.resolve([everything]);
  const problems: unknown[] = [];
  const reader = createKillSwitches({
    read: () => answer,
    fixed: () => [],
    now: () => now,
    onError: (error) => problems.push((error as Error).message),
  });
  expect(await reader.active()).toEqual([everything]);
  now = 499;
  expect(reader.active()).toEqual([everything]);
  now = 500;
  answer = Promise.reject(new Error("gone"));
  expect(await reader.active()).toEqual([everything]);
  now = 1000;
  answer = new Promise(() => {});
  const waiting = [reader.active(), reader.active()];
  await vi.advanceTimersByTimeAsync(1000);
  expect(await Promise.all(waiting)).toEqual([[everything], [everything]]);
  expect(problems).toEqual(["gone", "The database did not answer within 1000 ms."]);
  now = 2000;
  answer = Promise.resolve([]);
  expect(await reader.active()).toEqual([]);
});
