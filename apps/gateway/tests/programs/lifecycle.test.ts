import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeProgram, type FakePlan } from "@trunkline/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { startGateway, temporaryFolder, type TestGateway } from "../harness.ts";

const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");
let folder: ReturnType<typeof temporaryFolder>;
let gateway: TestGateway | undefined;
const processes: ChildProcess[] = [];

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  for (const child of processes.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  folder.remove();
});

const said = [
  JSON.stringify({ event: "init", conversation_id: "c", init: {} }),
  JSON.stringify({ event: "step_update", step_update: { step_type: "agent_response", text_delta: "Hello" } }),
  JSON.stringify({
    event: "result",
    result: { status: "SUCCESS", response: "Hello", usage: { input_tokens: 3, output_tokens: 1 } },
  }),
];

function program(name: string, plan: FakePlan, more: object = {}): object {
  return {
    kind: "cli-process",
    driver: "agy",
    command: makeProgram(join(folder.path, name), "agy", plan),
    models: ["m"],
    warm: 0,
    accounts: [{ name: "main" }],
    ...more,
  };
}

const ask = (model: string, signal?: AbortSignal) =>
  fetch(`${gateway!.origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway!.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "hi" }] }),
    ...(signal ? { signal } : {}),
  });

/** Processes that carry this command anywhere in their arguments. */
async function running(command: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", ["-eo", "pid=,stat=,args="]);
  return stdout.split("\n").filter((line) => line.includes(command) && !/^\s*\d+\s+Z/.test(line));
}

test("nothing is left of requests that were aborted, timed out, crashed or killed", async () => {
  const good = { protocol: "lines", turns: [{ lines: said }] } as const;
  gateway = await startGateway({
    providers: {
      good: program("good", good),
      stubborn: program(
        "stubborn",
        { protocol: "lines", turns: [{ hang: true }], ignoreTerm: true, grandchild: true },
        { timeout_seconds: 0.3, queue: 100 },
      ),
      slow: program("slow", { protocol: "lines", turns: [{ lines: said, pieces: 1 }] }, { queue: 100 }),
      crashing: program(
        "crashing",
        { protocol: "lines", turns: [{ lines: said.slice(0, 2), code: 1 }] },
        { queue: 100 },
      ),
    },
  });
  const children = join(gateway.home, "run", "children");
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const names = ["good", "slow", "crashing", "good", "stubborn"];
  const asked = Array.from({ length: 60 }, async (_, index) => {
    const leaving = new AbortController();
    if (random() < 0.4) setTimeout(() => leaving.abort(), random() * 400);
    try {
      const response = await ask(`${names[index % names.length]}/m`, leaving.signal);
      await response.text();
    } catch {
      // Aborted by ourselves.
    }
    // And now and then somebody kills one.
    if (random() < 0.2 && existsSync(children))
      for (const pid of readdirSync(children).slice(0, 1)) {
        try {
          process.kill(Number(pid), "SIGKILL");
        } catch {
          // It has just ended.
        }
      }
  });
  await Promise.all(asked);
  await expect
    .poll(async () => {
      const health = (await (await gateway!.get("/v1/health")).json()) as {
        providers: { queue?: { active: number; waiting: number } }[];
      };
      return health.providers.flatMap(({ queue }) => (queue ? [queue.active + queue.waiting] : []));
    })
    .toEqual([0, 0, 0, 0]);
  const { home } = gateway;
  await gateway.close();
  gateway = undefined;
  expect(existsSync(join(home, "run", "children")) ? readdirSync(join(home, "run", "children")) : []).toEqual([]);
  expect(await running(folder.path)).toEqual([]);
});

test("twenty sessions at once start no more programs than the pool has places", async () => {
  const log = join(folder.path, "starts");
  gateway = await startGateway({
    providers: {
      pool: program("pool", { protocol: "lines", turns: [{ lines: said }], log }, { queue: 20, concurrency: 2 }),
    },
  });
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      gateway!.post(
        "/v1/chat/completions",
        { model: "pool/m", messages: [{ role: "user", content: "hi" }] },
        { "x-trunkline-session": "new" },
      ),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  expect(new Set(answers.map((answer) => answer.headers.get("x-trunkline-session"))).size).toBe(20);
  await gateway.close();
  gateway = undefined;
  let now = 0;
  let most = 0;
  for (const line of readFileSync(log, "utf8").trim().split("\n"))
    most = Math.max(most, (now += line.startsWith("+") ? 1 : -1));
  expect(now).toBe(0);
  // Two that answer, two that wait for their conversation's next turn, and two that have been told to end and are at it.
  expect(most).toBeLessThanOrEqual(6);
});

test("the queue is bounded: who comes after it is told when to come back", async () => {
  gateway = await startGateway({
    providers: { full: program("full", { protocol: "lines", turns: [{ hang: true }] }, { concurrency: 1, queue: 1 }) },
  });
  const leaving = new AbortController();
  const held = [ask("full/m", leaving.signal), ask("full/m", leaving.signal)].map((asked) =>
    asked.catch(() => undefined),
  );
  await expect
    .poll(async () => {
      const health = (await (await gateway!.get("/v1/health")).json()) as {
        providers: { name: string; queue?: object }[];
      };
      return health.providers.find(({ name }) => name === "full")!.queue;
    })
    .toEqual({ active: 1, waiting: 1 });
  const refused = await gateway.post("/v1/messages", {
    model: "full/m",
    max_tokens: 5,
    messages: [{ role: "user", content: "hi" }],
  });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(refused.headers.get("x-queue-active")).toBe("1");
  expect(refused.headers.get("x-queue-depth")).toBe("1");
  expect(await refused.json()).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
  leaving.abort();
  await Promise.all(held);
});

test("a program that never gets ready holds no place, and nothing up", async () => {
  const command = makeProgram(join(folder.path, "mute"), "mute", { protocol: "once", turns: [{}] });
  gateway = await startGateway({
    providers: {
      mute: {
        kind: "cli-process",
        driver: "command",
        command,
        program: { output: "acp" },
        models: ["m"],
        timeout_seconds: 0.5,
        accounts: [{ name: "main" }],
      },
    },
  });
  const response = await ask("mute/m");
  expect(response.status).toBe(504);
  expect(await (await gateway.get("/v1/health")).text()).toContain('"active":0,"waiting":0');
  await gateway.close();
  gateway = undefined;
  expect(await running(folder.path)).toEqual([]);
});

test("a stop waits as long as it may, then ends what runs and tells its clients", async () => {
  gateway = await startGateway({
    server: { drain_seconds: 0.2 },
    providers: { held: program("held", { protocol: "lines", turns: [{ hang: true }], ignoreTerm: true }) },
  });
  const asked = gateway.post("/v1/messages", {
    model: "held/m",
    max_tokens: 5,
    messages: [{ role: "user", content: "hi" }],
  });
  await expect.poll(async () => (await gateway!.get("/v1/health")).text()).toContain('"active":1,"waiting":0');
  const [response] = await Promise.all([asked, gateway.close()]);
  gateway = undefined;
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("The gateway is stopping");
  expect(await running(folder.path)).toEqual([]);
});

test("a gateway that is killed leaves children behind, and the next start ends them", async () => {
  const home = join(folder.path, "home");
  const command = makeProgram(join(folder.path, "left"), "agy", {
    protocol: "once",
    readsNothing: true,
    turns: [{ hang: true }],
    ignoreTerm: true,
    grandchild: true,
  });
  const config = {
    discover: false,
    providers: {
      left: {
        kind: "cli-process",
        driver: "agy",
        command,
        models: ["m"],
        concurrency: 4,
        warm: 0,
        accounts: [{ name: "main" }],
      },
    },
  };
  const environment = { PATH: process.env["PATH"]!, HOME: folder.path, TRUNKLINE_HOME: home, TRUNKLINE_PORT: "0" };
  const start = async () => {
    const child = spawn(process.execPath, [bin, "start", "--json"], {
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    processes.push(child);
    let text = "";
    for await (const chunk of child.stdout!) {
      text += String(chunk);
      if (text.trimEnd().endsWith("}")) break;
    }
    return { child, ...(JSON.parse(text) as { address: string; key: string }) };
  };
  await promisify(execFile)(process.execPath, [bin, "keys", "list"], { env: environment });
  writeFileSync(join(home, "trunkline.yaml"), stringify(config));
  const first = await start();
  const asked = Array.from({ length: 4 }, () =>
    fetch(`${first.address}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${first.key}` },
      body: JSON.stringify({ model: "left/m", messages: [{ role: "user", content: "hi" }] }),
    }).catch(() => undefined),
  );
  const children = join(home, "run", "children");
  await expect.poll(async () => (await running(command)).length).toBe(4);
  // A child runs a moment before its file is there.
  await expect.poll(() => readdirSync(children)).toHaveLength(4);
  // Each child has one of its own, which carries the same mark in its environment.
  const mark = JSON.parse(readFileSync(join(children, readdirSync(children)[0]!), "utf8")) as {
    gateway: string;
    scratch: string;
  };
  const marked = () =>
    readdirSync("/proc").filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`TRUNKLINE_CHILD=${mark.gateway}`);
      } catch {
        return false;
      }
    });
  await expect.poll(() => marked().length).toBe(8);
  const ended = once(first.child, "exit");
  first.child.kill("SIGKILL");
  await ended;
  await Promise.all(asked);
  expect((await running(command)).length).toBe(4);
  const second = await start();
  await expect.poll(() => marked()).toEqual([]);
  expect(readdirSync(children)).toEqual([]);
  expect(existsSync(mark.scratch)).toBe(false);
  const stopped = once(second.child, "exit");
  second.child.kill("SIGTERM");
  await stopped;
});
