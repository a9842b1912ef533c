import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKey } from "@trunkline/admin";
import { afterEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { createContext, withStore } from "../../src/cli/context.ts";
import { spawnGateway, startGateway, temporaryFolder, type GatewayProcess, type TestGateway } from "../harness.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

const script = join(import.meta.dirname, "service.mjs");
const password = "a long password for tests";
const admin = { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };

type Shown = {
  name: string;
  state: string;
  pid: number | null;
  port: number | null;
  restarts: number;
  problem: string | null;
  until: string | null;
};

async function start(fault: string, extra: object = {}) {
  const folder = temporaryFolder();
  const starts = join(folder.path, "starts");
  const gateway = await startGateway(
    {
      providers: {
        web: {
          kind: "http-service",
          enabled: true,
          command: [process.execPath, script, fault, starts],
          models: ["x"],
          health: { interval_seconds: 0.05, timeout_seconds: 0.5, start_seconds: 2, max_failures: 2 },
          restart: { first_wait_seconds: 0.05, longest_wait_seconds: 0.2 },
          stop_seconds: 0.5,
          ...extra,
        },
      },
    },
    { TRUNKLINE_ADMIN_PASSWORD: password, SECRET: "a key of the gateway's", PATH: process.env["PATH"]! },
  );
  open.push(folder && { close: folder.remove }, gateway);
  const shown = async () =>
    ((await (await fetch(`${gateway.origin}/admin/api/services`, { headers: admin })).json()) as { items: Shown[] })
      .items[0]!;
  return {
    gateway,
    shown,
    starts: () => (existsSync(starts) ? readFileSync(starts, "utf8").trim().split("\n").map(Number) : []),
  };
}

const chat = (gateway: TestGateway) =>
  gateway.post("/v1/chat/completions", { model: "web/x", messages: [{ role: "user", content: "hi" }] });

const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

test("a service is started, waited for, asked, and ended with the gateway; it sees nothing of the gateway's secrets", async () => {
  const { gateway, shown, starts } = await start("", { env: { GIVEN: "by the operator" } });
  // Asked before it is up.
  const answer = await chat(gateway);
  const text = await answer.text();
  expect([answer.status, text]).toEqual([200, expect.stringContaining("none by the operator")]);
  expect(await shown()).toMatchObject({ name: "web", state: "up", restarts: 0, problem: null });
  const [pid] = starts();
  expect(readFileSync(join(gateway.home, "logs/services/web.log"), "utf8")).toMatch(/--- .* started: .*\nstarting\n/);
  const health = (await (await fetch(`${gateway.origin}/v1/health`, { headers: admin })).json()) as {
    services: Shown[];
  };
  expect(health.services[0]).toMatchObject({ name: "web", state: "up", pid });
  await open.splice(1, 1)[0]!.close();
  expect(isAlive(pid!)).toBe(false);
});

test.each([
  ["crash", /it ended with code 7/],
  ["hang", /did not answer at \/health 2 times in a row/],
  ["flood", /it flooded its log with more than 2 MiB in a minute/],
  ["forget", /did not answer at \/health 2 times in a row/],
])("one with the fault '%s' is started again, and it is told why", async (fault, why) => {
  const { gateway, shown, starts } = await start(fault, { log_flood_mb_per_minute: 2, log_mb: 1 });
  await expect.poll(async () => (await shown()).state).toBe("up");
  const { port } = await shown();
  await fetch(`http://127.0.0.1:${port}/fault`);
  await expect.poll(starts).toHaveLength(2);
  await expect.poll(async () => (await shown()).state).toBe("up");
  expect(await shown()).toMatchObject({ restarts: 1, problem: expect.stringMatching(why) });
  const [first, second] = starts();
  expect([isAlive(first!), isAlive(second!)]).toEqual([false, true]);
  expect((await chat(gateway)).status).toBe(200);
  const folder = join(gateway.home, "logs/services");
  const size = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(size).toBeLessThan(5 * 1024 * 1024);
});

test("one that listens elsewhere is started again", async () => {
  const { shown, starts } = await start("wrong-port");
  await expect.poll(starts).toHaveLength(2);
  expect((await shown()).problem).toMatch(/did not answer at port \d+\/health within 2 s of its start/);
  await expect.poll(async () => (await shown()).state).toBe("up");
});

test("one that never comes up is tried ever more rarely, and requests are told", async () => {
  const { gateway, shown, starts } = await start("always-crash", { wait_seconds: 0.2 });
  await expect.poll(() => starts().length).toBeGreaterThan(4);
  const answer = await chat(gateway);
  expect([answer.status, await answer.text()]).toEqual([
    503,
    expect.stringContaining("`trunkline services` tells why"),
  ]);
  expect(await shown()).toMatchObject({ problem: "it ended with code 3" });
});

test("one that is not there is told of by name; switched off, nothing is started", async () => {
  const { shown } = await start("", {
    command: ["/nowhere/at-all"],
    restart: { policy: "on-failure", first_wait_seconds: 60, longest_wait_seconds: 60 },
  });
  await expect.poll(async () => (await shown()).problem).toBe("'/nowhere/at-all' is not there, or its folder is not");
  const impossible = await start("", { command: ["a\0b"], restart: { policy: "never" } });
  await expect.poll(async () => (await impossible.shown()).problem).toContain("it could not be started");
  const off = await start("", { enabled: false });
  expect(await off.shown()).toBeUndefined();
  expect(off.starts()).toEqual([]);
});

test("a changed entry is started anew, an operator starts one again, and what is not in the file any more is ended", async () => {
  const { gateway, shown, starts } = await start("");
  await expect.poll(async () => (await shown()).state).toBe("up");
  const { services } = gateway.started.gateway;
  const restarted = await fetch(`${gateway.origin}/admin/api/services/web/restart`, { method: "POST", headers: admin });
  expect(restarted.status).toBe(200);
  await expect.poll(starts).toHaveLength(2);
  expect(
    (await fetch(`${gateway.origin}/admin/api/services/none/restart`, { method: "POST", headers: admin })).status,
  ).toBe(404);
  const { config } = gateway.started;
  (services as unknown as { configure(config: object): void }).configure({ ...config, providers: {} });
  await expect.poll(async () => (await services.report()).length).toBe(0);
  for (const pid of starts()) expect(isAlive(pid)).toBe(false);
});

test("several worker processes share one service; a gateway that was killed leaves none behind for long", async () => {
  const folder = temporaryFolder();
  open.push({ close: folder.remove });
  const starts = join(folder.path, "starts");
  writeFileSync(
    join(folder.path, "trunkline.yaml"),
    stringify({
      discover: false,
      health: { probe_seconds: 0 },
      providers: {
        web: { kind: "http-service", enabled: true, command: [process.execPath, script, "", starts], models: ["x"] },
      },
    }),
  );
  const environment = { TRUNKLINE_HOME: folder.path };
  const { secret } = await withStore(createContext(environment, true), (store) =>
    createKey(store.keys, { name: "k" }, Date.now()),
  );
  let running: GatewayProcess | undefined;
  open.push({ close: () => running?.end("SIGKILL") });
  const start = async () => (running = await spawnGateway(environment, ["--workers", "2"])).address;
  const ask = async (address: string) => {
    const answer = await fetch(`${address}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", connection: "close" },
      body: JSON.stringify({ model: "web/x", messages: [{ role: "user", content: "hi" }] }),
    });
    return answer.status;
  };
  const address = await start();
  expect(await Promise.all(Array.from({ length: 8 }, () => ask(address)))).toEqual(
    Array.from({ length: 8 }, () => 200),
  );
  const pids = () => readFileSync(starts, "utf8").trim().split("\n").map(Number);
  expect(pids().length).toBe(1);
  await running!.end("SIGKILL");
  const second = await start();
  expect(await ask(second)).toBe(200);
  const [old, young] = pids();
  expect([isAlive(old!), isAlive(young!)]).toEqual([false, true]);
  await running!.end("SIGTERM");
  expect(isAlive(young!)).toBe(false);
});
