import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { sendJson, startUpstream } from "@trunkline/testkit";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { chatProvider, spawnGateway, temporaryFolder } from "../harness.ts";

const run = promisify(execFile);
const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");
const answer = {
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "x",
  choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 0, completion_tokens: 100, total_tokens: 100 },
};

test("a gateway killed with requests running has forgotten none of them when it is back", async () => {
  const held: (() => void)[] = [];
  let isHolding = false;
  const upstream = await startUpstream((_request, response) => {
    const send = () => sendJson(response, 200, answer);
    if (isHolding) held.push(send);
    else send();
  });
  const folder = temporaryFolder();
  const home = join(folder.path, "home");
  mkdirSync(home, { mode: 0o700 });
  const env = { PATH: process.env["PATH"]!, HOME: folder.path, TRUNKLINE_HOME: home };
  const config = {
    discover: false,
    server: { port: 0 },
    providers: { up: chatProvider(upstream.origin) },
    // Only what is answered costs: a hundred tokens, as many as are asked for.
    prices: [{ provider: "up", model: "*", input: 0, output: 10 }],
  };
  writeFileSync(join(home, "trunkline.yaml"), stringify(config));

  const start = () => spawnGateway(env);
  // Ten requests at a thousandth of a dollar.
  const made = await run(process.execPath, [bin, "keys", "create", "--name", "k", "--budget", "0.01/day", "--json"], {
    env,
  });
  const { key } = JSON.parse(made.stdout) as { key: string };
  const ask = (address: string) =>
    fetch(`${address}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: "x", max_tokens: 100, messages: [{ role: "user", content: "Hi" }] }),
    }).then(
      ({ status }) => status,
      () => 0,
    );

  const first = await start();
  for (let turn = 0; turn < 3; turn++) expect(await ask(first.address)).toBe(200);
  isHolding = true;
  const running = Array.from({ length: 4 }, () => ask(first.address));
  await expect.poll(() => held.length).toBe(4);
  await first.end("SIGKILL");
  expect(await Promise.all(running)).toEqual([0, 0, 0, 0]);

  isHolding = false;
  const second = await start();
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(second.address)));
  // Three were paid for and four may have been: three are left.
  expect(answers.filter((status) => status === 200)).toHaveLength(3);
  await second.end("SIGTERM");
  await upstream.close();
  folder.remove();
});
