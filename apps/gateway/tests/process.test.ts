import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { fixtures, sendSse, startUpstream, type FakeUpstream } from "@trunkline/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { fourProviders, temporaryFolder } from "./harness.ts";

const run = promisify(execFile);
const bin = join(import.meta.dirname, "../bin/trunkline.mjs");
let folder: ReturnType<typeof temporaryFolder>;
let upstream: FakeUpstream;
const children: ChildProcess[] = [];

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => sendSse(response, fixtures["openai-chat"].text.sse));
});
afterAll(() => upstream.close());
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  folder.remove();
});

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env["PATH"]!,
  HOME: folder.path,
  TRUNKLINE_HOME: join(folder.path, "home"),
  TRUNKLINE_PORT: "0",
  TRUNKLINE_DISCOVER: "false",
  ...more,
});

/** The command, and what it printed; a failure is a result too. */
async function trunkline(
  args: string[],
  more: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return run(process.execPath, [bin, ...args], { env: environment(more) }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  );
}

/** Starts a gateway in a process of its own and waits for its first words. */
async function startProcess(
  more: Record<string, string> = {},
): Promise<{ child: ChildProcess; address: string; key: string }> {
  const child = spawn(process.execPath, [bin, "start", "--json"], {
    env: environment(more),
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let said = "";
  for await (const chunk of child.stdout!) {
    said += String(chunk);
    if (said.trimEnd().endsWith("}")) break;
  }
  const { address, key } = JSON.parse(said) as { address: string; key: string };
  return { child, address, key };
}

const ask = (address: string, key: string, model = "trunkline/echo") =>
  fetch(`${address}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello" }] }),
  }).then(async (response) => ({ id: response.headers.get("x-request-id")!, text: await response.text() }));

test("killed while answering: the database opens, and no row that was flushed is missing", async () => {
  const home = join(folder.path, "home");
  await trunkline(["config", "path"]);
  await trunkline(["db"]);
  writeFileSync(join(home, "trunkline.yaml"), stringify({ providers: fourProviders(upstream.origin) }));
  const lasting = new Set<string>();
  let key = "";
  for (let round = 0; round < 3; round++) {
    const { child, address, key: made } = await startProcess();
    key ||= made;
    const answered: string[] = [];
    let stop = false;
    const clients = Array.from({ length: 8 }, async () => {
      while (!stop) {
        const answer = await ask(address, key, "u-chat/x").catch(() => undefined);
        if (!answer) return;
        if (answer.text.includes("[DONE]")) answered.push(answer.id);
      }
    });
    const database = new DatabaseSync(join(home, "trunkline.db"), { readOnly: true });
    const flushed = () => (database.prepare("select id from exchanges").all() as { id: string }[]).map((row) => row.id);
    const before = flushed().length;
    await expect.poll(() => flushed().length, { timeout: 60_000 }).toBeGreaterThan(before + 200);
    for (const id of flushed()) lasting.add(id);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    stop = true;
    await ended;
    await Promise.all(clients);
    database.close();

    const after = new DatabaseSync(join(home, "trunkline.db"));
    expect(after.prepare("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const found = (after.prepare("select id from exchanges").all() as { id: string }[]).map((row) => row.id);
    const kept = new Set(found);
    expect(kept.size).toBe(found.length);
    for (const id of lasting) expect(kept.has(id)).toBe(true);
    // Beyond them, only the last moments' answers may be missing: fewer than the clients can have had under way in that window.
    for (const id of found) lasting.add(id);
    expect(answered.length).toBeGreaterThan(0);
    after.close();
  }
}, 180_000);

describe("the command", () => {
  test("start, status, keys beside it, logs, stop", async () => {
    expect((await trunkline(["status"])).code).toBe(3);
    const { child, address, key } = await startProcess();
    expect(key).toMatch(/^tl-/);
    expect(JSON.parse((await trunkline(["status", "--json"])).stdout)).toMatchObject({
      running: true,
      address,
      pid: child.pid,
    });
    expect((await trunkline(["start"])).stderr).toContain("running already");
    const made = JSON.parse((await trunkline(["keys", "create", "--name", "x", "--json"])).stdout) as {
      id: string;
      name: string;
      key: string;
    };
    expect(Object.keys(made)).toEqual(["id", "name", "key"]);
    expect((await ask(address, made.key)).text).toContain("[DONE]");
    const rotated = JSON.parse((await trunkline(["keys", "rotate", "x", "--json"])).stdout) as { key: string };
    await expect.poll(async () => (await ask(address, made.key)).text).toContain("invalid_api_key");
    expect((await ask(address, rotated.key)).text).toContain("[DONE]");
    await trunkline(["keys", "revoke", made.id]);
    await expect.poll(async () => (await ask(address, rotated.key)).text).toContain("disabled");
    expect((await trunkline(["keys", "list"])).stdout).toContain("revoked");
    await expect.poll(async () => (await trunkline(["logs", "-n", "100"])).stdout).toContain("exchange");
    expect((await trunkline(["logs", "-n", "100"])).stdout).not.toContain(key);
    const ended = once(child, "exit");
    expect((await trunkline(["stop"])).code).toBe(0);
    expect((await ended)[0]).toBe(0);
    expect((await trunkline(["stop"])).code).toBe(3);
  });

  test("in the background", async () => {
    const started = await trunkline(["start", "--daemon"]);
    expect(started.stdout).toContain("Running in the background");
    expect(started.stdout).toMatch(/tl-[\w-]{20}/);
    expect(readdirSync(join(folder.path, "home/logs"))).not.toContain("daemon.out");
    const first = JSON.parse((await trunkline(["status", "--json"])).stdout) as { pid: number };
    expect((await trunkline(["restart"])).code).toBe(0);
    const second = JSON.parse((await trunkline(["status", "--json"])).stdout) as { pid: number };
    expect(second.pid).not.toBe(first.pid);
    expect((await trunkline(["stop"])).code).toBe(0);
  });

  test("everything it makes is the owner's alone, and doctor says when it is not", async () => {
    await trunkline(["keys", "create", "--name", "x"]);
    const home = join(folder.path, "home");
    for (const name of [".", ...readdirSync(home)])
      expect([name, statSync(join(home, name)).mode & 0o077]).toEqual([name, 0]);
    expect((await trunkline(["doctor"])).code).toBe(0);
    chmodSync(join(home, "trunkline.db"), 0o644);
    const complaint = await trunkline(["doctor", "--json"]);
    expect(complaint.code).toBe(1);
    expect(complaint.stdout).toContain("can be read by others");
  });

  test.each([
    [["frobnicate"], 2, "unknown command"],
    [["keys", "create"], 2, "--name"],
    [["keys", "create", "--name", "x", "--rpm", "many"], 2, "--rpm"],
    [["keys", "create", "--name", "x", "--expires", "yesterday"], 2, "--expires"],
    [["keys", "revoke", "nobody"], 1, "nobody"],
    [["providers", "test", "nobody"], 1, "nobody"],
    [["config", "check", "/no/such/file"], 1, "no file"],
    [["completion", "tcsh"], 2, "bash, zsh and fish"],
    [["modules", "add", "--registry=http://x"], 2, "unknown option"],
    [["modules", "add", "../x"], 2, "not the name"],
  ])("%j ends with %i and says %s", async (args, code, words) => {
    const result = await trunkline(args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(words);
    expect(result.stderr).not.toContain("    at ");
  });

  test("a port that is taken is said, and nothing stays behind", async () => {
    const { address } = await startProcess();
    const result = await trunkline(["start"], {
      TRUNKLINE_HOME: join(folder.path, "other"),
      TRUNKLINE_PORT: new URL(address).port,
    });
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain("is taken by another program");
  });

  test("a configuration with mistakes stops the start with line and column", async () => {
    await trunkline(["db"]);
    writeFileSync(
      join(folder.path, "home/trunkline.yaml"),
      "server:\n  prot: 1\nproviders:\n  openai:\n    api_key: ${NO_SUCH_VARIABLE_HERE}\n",
    );
    const result = await trunkline(["start"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/trunkline\.yaml:5:14 .*NO_SUCH_VARIABLE_HERE/);
  });

  test("completions name every command", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = await trunkline(["completion", shell]);
      for (const word of ["start", "keys", "rotate", "doctor"]) expect(stdout).toContain(word);
    }
    const { stdout } = await trunkline(["completion", "bash"]);
    const probe = `${stdout}\nCOMP_WORDS=(trunkline keys r); COMP_CWORD=2; _trunkline; echo "\${COMPREPLY[*]}"`;
    expect((await run("bash", ["-c", probe])).stdout.trim()).toBe("rotate revoke");
  });
});
