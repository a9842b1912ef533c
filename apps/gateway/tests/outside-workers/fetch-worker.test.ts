import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKey, createWorkerToken } from "@trunkline/admin";
import { fixtures, sendJson, sendSse, startUpstream } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { addressAt, answerHeaders } from "../../../../packages/workers/src/worker/fetch-performer.ts";
import { createContext, withStore } from "../../src/cli/context.ts";
import { spawnGateway, temporaryFolder, type TestGateway } from "../harness.ts";
import { answerJson, ask, performing, startLab, startWorker } from "./lab.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");

test("trunkline worker fetch: requests go to its target with its own headers, and it ends when what runs has ended", async () => {
  const held: (() => void)[] = [];
  const upstream = await startUpstream((request, response) => {
    if (request.body["model"] === "held")
      return void held.push(() => sendJson(response, 200, fixtures["openai-chat"].text.json));
    if (request.body["model"] === "moved")
      return void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    if (request.stream) sendSse(response, fixtures["openai-chat"].text.sse);
    else sendJson(response, 200, fixtures["openai-chat"].text.json, { "set-cookie": "inner=1" });
  });
  const { gateway, token } = await startLab({
    models: ["x", "held", "moved"],
    wait_seconds: 60,
    base_url: "http://lab/api/v1",
  });
  open.push(upstream, gateway);
  const child = spawn(
    process.execPath,
    [
      bin,
      "worker",
      "fetch",
      "--gateway",
      gateway.origin,
      "--target",
      `${upstream.origin}/inner/`,
      "--header",
      "x-inner: of this network",
      "--capacity",
      "3",
    ],
    {
      env: { PATH: process.env["PATH"]!, TRUNKLINE_HOME: gateway.home, TRUNKLINE_WORKER_TOKEN: token },
      stdio: ["ignore", "inherit", "pipe"],
    },
  );
  open.push({ close: () => void child.kill("SIGKILL") });
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  const ended = new Promise((resolve) => child.once("exit", resolve));

  expect((await ask(gateway)).status).toBe(200);
  expect(upstream.received[0]).toMatchObject({
    path: "/inner/api/v1/chat/completions",
    headers: { "x-inner": "of this network", host: new URL(upstream.origin).host },
  });
  expect(await (await ask(gateway, { stream: true })).text()).toContain("[DONE]");
  // A redirect is not followed: who knows where it leads to in that network.
  expect((await ask(gateway, { model: "lab/moved" })).status).toBe(502);
  expect(gateway.started.gateway.workers.loaded!.report()).toMatchObject([
    { agent: expect.stringContaining(" fetch at "), capacity: 3 },
  ]);

  const last = ask(gateway, { model: "lab/held" });
  await expect.poll(() => held.length).toBe(1);
  child.kill("SIGTERM");
  const { workers } = gateway.started.gateway;
  // It takes nothing new, once the gateway knows: who comes then waits for another.
  const isWaiting = async () => {
    const leaving = new AbortController();
    const before = upstream.received.length;
    ask(gateway, {}, leaving.signal).catch(() => {});
    await expect.poll(() => workers.loaded!.waiting("lab") > 0 || upstream.received.length > before).toBe(true);
    const waits = workers.loaded!.waiting("lab") > 0;
    leaving.abort();
    return waits;
  };
  await expect.poll(isWaiting).toBe(true);
  // And it ends what it has.
  held[0]!();
  expect((await last).status).toBe(200);
  expect([await ended, said]).toEqual([0, expect.stringContaining(`connected to ${gateway.origin}`)]);
  await expect.poll(() => workers.loaded!.report()).toEqual([]);
});

/** Where a path leads to from a target in a folder: an address, or `refused`. */
function leads(path: string): string {
  try {
    return addressAt(new URL("http://127.0.0.1:11434/inner"), path).href;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test("no path leads away from the target", () => {
  const away = [
    "/../outside",
    "/x/../../outside",
    "/%2e%2e/outside",
    "v1/models",
    "@elsewhere.example/",
    "\\\\elsewhere.example",
  ];
  expect(away.map(leads)).toEqual(away.map(() => "refused"));
  expect(leads("/v1/models?a=b")).toBe("http://127.0.0.1:11434/inner/v1/models?a=b");
  expect(leads("//elsewhere.example/v1")).toBe("http://127.0.0.1:11434/inner//elsewhere.example/v1");
  expect(
    answerHeaders([
      ["set-cookie", "x"],
      ["content-encoding", "gzip"],
      ["x", "a\u0000b"],
      ["content-type", "t"],
    ]),
  ).toEqual({ "content-type": "t" });
});

test("a gateway of several processes: the worker is at each of them, and comes back to those that are replaced", async () => {
  const folder = temporaryFolder();
  open.push({ close: folder.remove });
  writeFileSync(
    join(folder.path, "trunkline.yaml"),
    stringify({
      discover: false,
      health: { probe_seconds: 0 },
      providers: { lab: { kind: "browser-worker", base_url: "http://lab/v1", models: ["x"], wait_seconds: 20 } },
    }),
  );
  const environment = { TRUNKLINE_HOME: folder.path };
  const { token, key } = await withStore(createContext(environment, true), async (store) => ({
    token: (await createWorkerToken(store.workerTokens, "lab", Date.now())).secret,
    key: (await createKey(store.keys, { name: "k" }, Date.now())).secret,
  }));
  const running = await spawnGateway(environment, ["--workers", "2"]);
  open.push({ close: () => running.end("SIGKILL") });
  const worker = await startWorker(
    running.address,
    token,
    performing(answerJson(fixtures["openai-chat"].text.json)),
    4,
  );
  open.push({ close: worker.stop });
  const connected = () => worker.events.filter(({ type }) => type === "connected").length;
  await expect.poll(connected).toBe(2);
  const gateway = { origin: running.address, key } as TestGateway;
  const many = () => Promise.all(Array.from({ length: 20 }, async () => (await ask(gateway)).status));
  expect(new Set(await many())).toEqual(new Set([200]));
  expect(worker.events.some(({ type }) => type === "lost")).toBe(false);
  // Both processes are replaced, one after the other.
  const { pid } = JSON.parse(readFileSync(join(folder.path, "run", "gateway.json"), "utf8")) as { pid: number };
  process.kill(pid, "SIGUSR2");
  await expect.poll(connected, { timeout: 60_000 }).toBe(4);
  expect(new Set(await many())).toEqual(new Set([200]));
});
