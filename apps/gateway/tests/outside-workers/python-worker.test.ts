import { spawn } from "node:child_process";
import { join } from "node:path";
import { fixtures, sendJson, sendSse, startUpstream } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { installPythonSdks } from "../sdks/python-sdks.ts";
import { ask, startLab } from "./lab.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

test("a worker in Python, written from the reference page alone: whole answers, streams, large bodies both ways, cancelling", async () => {
  const python = await installPythonSdks();
  const large = "x".repeat(3_000_000);
  const upstream = await startUpstream((request, response) => {
    const asked = request.text.length;
    if (request.body["model"] === "hang") return;
    if (request.body["model"] === "refuse")
      return sendJson(response, 429, { error: { message: "slow down" } }, { "retry-after": "7" });
    if (request.stream) return sendSse(response, fixtures["openai-chat"].text.sse);
    const answer = fixtures["openai-chat"].text.json as Record<string, unknown>;
    sendJson(response, 200, request.body["model"] === "large" ? { ...answer, padding: large, asked } : answer);
  });
  open.push(upstream);
  const { gateway, token } = await startLab({ models: ["x", "large", "hang", "refuse"], wait_seconds: 60 });
  open.push(gateway);
  const child = spawn(
    python,
    [
      join(import.meta.dirname, "../../../../examples/worker/worker.py"),
      `${gateway.origin.replace("http", "ws")}/v1/workers`,
      upstream.origin,
    ],
    { env: { PATH: process.env["PATH"], TRUNKLINE_WORKER_TOKEN: token }, stdio: ["ignore", "inherit", "inherit"] },
  );
  open.push({ close: () => void child.kill("SIGKILL") });

  expect((await ask(gateway)).status).toBe(200);
  expect(upstream.received[0]).toMatchObject({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json" },
  });
  expect(await (await ask(gateway, { stream: true })).text()).toContain("[DONE]");
  const both = await ask(gateway, { model: "lab/large", messages: [{ role: "user", content: large }] });
  const { padding, asked } = (await both.json()) as { padding: string; asked: number };
  expect([padding === large, asked > large.length]).toEqual([true, true]);
  const refused = await ask(gateway, { model: "lab/refuse" });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "7"]);
  const many = await Promise.all(Array.from({ length: 40 }, () => ask(gateway)));
  expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]));

  const leaving = new AbortController();
  const aborted = upstream.nextAbort();
  const before = upstream.received.length;
  const hanging = ask(gateway, { model: "lab/hang" }, leaving.signal).catch(() => "left");
  await expect.poll(() => upstream.received.length).toBe(before + 1);
  leaving.abort();
  expect(await hanging).toBe("left");
  await aborted;
  const { workers } = gateway.started.gateway;
  await expect
    .poll(() => workers.loaded!.report())
    .toMatchObject([{ agent: "worker.py", active: 0, isConnected: true }]);
});
