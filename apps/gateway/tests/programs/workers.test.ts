import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fixtures, sendSse, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../harness.ts";
import { installAgents, modelOf, providerFor } from "./programs.ts";

const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");
const folder = temporaryFolder();
let upstream: FakeUpstream;
let child: ChildProcess | undefined;

beforeAll(async () => {
  await installAgents();
  upstream = await startUpstream(({ dialect }, response) => {
    if (dialect) sendSse(response, fixtures[dialect].text.sse);
    else response.writeHead(404).end("{}");
  });
});
afterAll(async () => {
  if (child && child.exitCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  await upstream?.close();
  folder.remove();
});

test("a session's turns are answered by whichever of two processes they come to", async () => {
  const provider = providerFor("codex", upstream.origin, { concurrency: 4 });
  writeFileSync(
    join(folder.path, "trunkline.yaml"),
    JSON.stringify({ discover: false, providers: { codex: provider } }),
  );
  child = spawn(process.execPath, [bin, "start", "--json", "--workers", "2"], {
    env: { PATH: process.env["PATH"]!, HOME: folder.path, TRUNKLINE_HOME: folder.path, TRUNKLINE_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout!) {
    text += String(chunk);
    if (text.trimEnd().endsWith("}")) break;
  }
  const { address, key } = JSON.parse(text) as { address: string; key: string };

  /** Each on a connection of its own, so that it comes to either process. */
  function say(content: string, session: string): Promise<{ status: number; session: string }> {
    const body = JSON.stringify({ model: `codex/${modelOf.codex}`, messages: [{ role: "user", content }] });
    const headers = {
      authorization: `Bearer ${key}`,
      "content-length": Buffer.byteLength(body),
      "x-trunkline-session": session,
    };
    return new Promise((resolve, reject) => {
      const asked = request(`${address}/v1/chat/completions`, { method: "POST", agent: false, headers }, (response) => {
        response
          .resume()
          .on("end", () =>
            resolve({ status: response.statusCode!, session: String(response.headers["x-trunkline-session"]) }),
          );
      });
      asked.on("error", reject);
      asked.end(body);
    });
  }

  await Promise.all(
    Array.from({ length: 4 }, async (_, index) => {
      const words = [`word-${index}-0`];
      const { status, session } = await say(words[0]!, "new");
      expect(status).toBe(200);
      for (let turn = 1; turn < 5; turn++) {
        words.push(`word-${index}-${turn}`);
        expect((await say(words.at(-1)!, session)).status).toBe(200);
        const heard = upstream.received.findLast((received) => received.text.includes(words.at(-1)!))!.text;
        for (const word of words) expect(heard).toContain(word);
      }
    }),
  );
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
  expect(readdirSync(join(folder.path, "run", "children"))).toEqual([]);
});
