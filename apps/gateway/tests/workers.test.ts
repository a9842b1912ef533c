import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { sendJson, startUpstream, fixtures, type FakeUpstream } from "@trunkline/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { fourProviders, temporaryFolder } from "./harness.ts";

const run = promisify(execFile);
const bin = join(import.meta.dirname, "../bin/trunkline.mjs");
let upstream: FakeUpstream;
let folder: ReturnType<typeof temporaryFolder>;
let primary: ChildProcess;
let address = "";
let key = "";

const home = () => join(folder.path, "home");
const environment = () => ({
  PATH: process.env["PATH"]!,
  HOME: folder.path,
  TRUNKLINE_HOME: home(),
  TRUNKLINE_PORT: "0",
});
const trunkline = async (...args: string[]) =>
  (await run(process.execPath, [bin, ...args], { env: environment() })).stdout;

/** Processes below one, by number. */
function workersOf(pid: number): number[] {
  const isParent = (name: string) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] === String(pid);
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isParent(name))
    .map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => sendJson(response, 200, fixtures["openai-chat"].text.json));
});
afterAll(() => upstream?.close());
beforeEach(async () => {
  folder = temporaryFolder();
  mkdirSync(home());
  writeFileSync(
    join(home(), "trunkline.yaml"),
    stringify({
      discover: false,
      providers: fourProviders(upstream.origin),
      prices: [{ provider: "u-chat", model: "*", input: 0, output: 1 }],
    }),
  );
  primary = spawn(process.execPath, [bin, "start", "--json", "--workers", "2"], {
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const chunk of primary.stdout!) {
    said += String(chunk);
    if (said.trimEnd().endsWith("}")) break;
  }
  ({ address, key } = JSON.parse(said) as { address: string; key: string });
});
afterEach(async () => {
  const workers = workersOf(primary.pid!);
  if (primary.exitCode === null && primary.signalCode === null) {
    const ended = once(primary, "exit");
    primary.kill("SIGTERM");
    await ended;
  }
  await expect.poll(() => workers.filter(isAlive)).toEqual([]);
  folder.remove();
});

/** Asks on a connection of the agent's, or on a new one. */
function ask(secret: string, agent?: Agent): Promise<{ status: number; id: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${address}/v1/chat/completions`,
      {
        method: "POST",
        headers: { authorization: `Bearer ${secret}` },
        ...(agent ? { agent } : { agent: new Agent({ keepAlive: false }) }),
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve({ status: answer.statusCode!, id: String(answer.headers["x-request-id"]) }));
        answer.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify({ model: "u-chat/m", messages: [{ role: "user", content: "Hi" }] }));
  });
}

function rows(): Set<string> {
  const database = new DatabaseSync(join(home(), "trunkline.db"), { readOnly: true });
  const ids = (database.prepare("select id from exchanges").all() as { id: string }[]).map(({ id }) => id);
  database.close();
  expect(ids.length).toBe(new Set(ids).size);
  return new Set(ids);
}

test("workers are replaced under load without one request failing, and every row is kept", async () => {
  const before = workersOf(primary.pid!);
  expect(before).toHaveLength(2);
  let stop = false;
  const answers: { status: number; id: string }[] = [];
  const clients = Array.from({ length: 8 }, async () => {
    while (!stop) answers.push(await ask(key));
  });
  await trunkline("reload");
  await expect.poll(() => workersOf(primary.pid!).filter((pid) => before.includes(pid))).toEqual([]);
  await expect.poll(() => workersOf(primary.pid!)).toHaveLength(2);
  stop = true;
  await Promise.all(clients);
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  await expect.poll(() => answers.filter(({ id }) => !rows().has(id))).toEqual([]);
});

test("a worker that is killed is replaced, and the others go on", async () => {
  const [victim, other] = workersOf(primary.pid!) as [number, number];
  process.kill(victim, "SIGKILL");
  await expect.poll(() => workersOf(primary.pid!).filter((pid) => pid !== victim && pid !== other)).toHaveLength(1);
  for (let turn = 0; turn < 20; turn++) expect((await ask(key)).status).toBe(200);
});

test("a limit counts for all workers together", async () => {
  const { key: limited } = JSON.parse(
    await trunkline("keys", "create", "--name", "limited", "--rpm", "30", "--json"),
  ) as { key: string };
  let granted = 0;
  // New connections go to the workers in turn. What one holds in advance is free for the other a moment later.
  await expect
    .poll(async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(limited)));
      expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true);
      granted += answers.filter(({ status }) => status === 200).length;
      return granted;
    })
    .toBeGreaterThanOrEqual(30);
  for (let turn = 0; turn < 10; turn++) granted += (await ask(limited)).status === 200 ? 1 : 0;
  expect(granted).toBe(30);
});

test("a rotated log is opened anew by every worker", async () => {
  const log = join(home(), "logs", "trunkline.log");
  await expect.poll(() => existsSync(log)).toBe(true);
  renameSync(log, `${log}.1`);
  primary.kill("SIGHUP");
  const written = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
  await expect.poll(() => written().match(/the configuration was read again/g) ?? []).toHaveLength(2);
  const seen = new Set<string>();
  // New connections go to the workers in turn: whoever still wrote to the old file would be missing in the new one.
  for (let turn = 0; turn < 20; turn++) seen.add((await ask(key)).id);
  await expect.poll(() => [...seen].filter((id) => !written().includes(id))).toEqual([]);
});

test("metrics are those of all workers", async () => {
  for (let turn = 0; turn < 10; turn++) await ask(key);
  const text = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${key}` } }).then((answer) =>
    answer.text(),
  );
  expect(text).toMatch(/^http_requests_total\{dialect="openai-chat",operation="generate",status="200"\} 10$/m);
});

test("workers end with a primary that is killed, and lose no row of an answer they gave", async () => {
  const workers = workersOf(primary.pid!);
  const kept = new Agent({ keepAlive: true });
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(key, kept)));
  primary.kill("SIGKILL");
  await expect.poll(() => workers.filter(isAlive)).toEqual([]);
  kept.destroy();
  expect(answers.filter(({ id }) => !rows().has(id))).toEqual([]);
});

test.each([["0"], ["many"], ["1.5"], ["1000"]])("--workers %s is refused", async (given) => {
  const refused = await run(process.execPath, [bin, "start", "--workers", given], { env: environment() }).catch(
    (error: { code: number; stderr: string }) => error,
  );
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--workers takes a number") as string });
});

test("a kill switch is heeded by every process from the next request on", async () => {
  await Promise.all(Array.from({ length: 20 }, () => ask(key)));
  await trunkline("kill", "provider", "u-chat");
  const refused = await Promise.all(Array.from({ length: 40 }, () => ask(key)));
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
  await trunkline("unkill", "provider", "u-chat");
  const answered = await Promise.all(Array.from({ length: 40 }, () => ask(key)));
  expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([200]));
});

test("a budget and places at once hold over all workers", async () => {
  const made = await trunkline(
    "keys",
    "create",
    "--name",
    "poor",
    "--budget",
    "0.00009/day",
    "--concurrent",
    "300",
    "--json",
  );
  const poor = (JSON.parse(made) as { key: string }).key;
  const ask = (secret: string) =>
    fetch(`${address}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${secret}`, connection: "close" },
      body: JSON.stringify({
        model: "u-chat/x",
        max_tokens: 9,
        messages: [{ role: "user", content: "Hi" }],
      }),
    });
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(poor)));
  // Nine tokens at a dollar a million: ten fit, and one may go beyond.
  const granted = answers.filter(({ status }) => status === 200).length;
  expect(granted).toBeGreaterThanOrEqual(10);
  expect(granted).toBeLessThanOrEqual(11);
  const health = JSON.parse(await trunkline("health", "--json")) as { limits: { limit: string; state: string }[] };
  expect(health.limits).toContainEqual(expect.objectContaining({ limit: "budget a day", state: "reached" }));
  expect(await trunkline("health")).toMatch(/LIMITS\nWHOSE/);
});
