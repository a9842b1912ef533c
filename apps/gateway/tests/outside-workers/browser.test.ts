import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { startGateway, temporaryFolder, type TestGateway } from "../harness.ts";
import { ask, startLab } from "./lab.ts";
import { largeSize, startSite, type Site } from "./site.ts";

const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");
const open: { close(): unknown }[] = [];
const each: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of each.splice(0).toReversed()) await thing.close();
});

type Running = {
  readonly child: ChildProcess;
  readonly seen: { text: string };
  readonly ended: Promise<number | null>;
};

/** `trunkline worker browser` in a process of its own. */
function startWorker(
  gateway: TestGateway,
  token: string,
  site: Site,
  profile: string,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Running {
  const child = spawn(
    process.execPath,
    [
      bin,
      "worker",
      "browser",
      "--gateway",
      gateway.origin,
      "--origin",
      site.origin,
      "--profile",
      profile,
      "--signed-in-cookie",
      "who",
      ...args,
    ],
    {
      env: {
        PATH: process.env["PATH"]!,
        HOME: gateway.home,
        TRUNKLINE_HOME: gateway.home,
        TRUNKLINE_WORKER_TOKEN: token,
        ...environment,
      },
      stdio: ["ignore", "inherit", "pipe"],
    },
  );
  const seen = { text: "" };
  child.stderr!.on("data", (piece: Buffer) => (seen.text += piece.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  return { child, seen, ended };
}

/** The browser's own process, found by its profile. */
function browserPid(profile: string): number | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (command.includes(`--user-data-dir=${profile}`) && !command.some((part) => part.startsWith("--type=")))
        return Number(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

/** A display nobody looks at. */
async function startDisplay(): Promise<{ name: string; close(): void }> {
  const child = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const name = await new Promise<string>((resolve) =>
    (child.stdio[3] as Socket).once("data", (data: Buffer) => resolve(`:${data.toString().trim()}`)),
  );
  return { name, close: () => void child.kill() };
}

let site: Site;
let gateway: TestGateway;
let profile: string;
let worker: Running;

beforeAll(async () => {
  site = await startSite();
  const made = await startLab(
    { base_url: "http://lab/api/v1", models: undefined, wait_seconds: 60, timeouts: { first_byte_seconds: 60 } },
    {
      retries: { attempts: 2 },
      routes: [{ pattern: "/gemini-.*-aistudio$/", targets: ["lab/x"] }],
    },
  );
  gateway = made.gateway;
  const folder = temporaryFolder();
  profile = join(folder.path, "profile");
  open.push({ close: folder.remove }, gateway, site);
  const display = await startDisplay();
  open.push(display);
  // First with a window, for the person to sign in; then without.
  worker = startWorker(gateway, made.token, site, profile, ["--sign-in"], { DISPLAY: display.name });
  open.push({
    async close() {
      worker.child.kill("SIGTERM");
      await worker.ended;
    },
  });
  await vi.waitFor(() => expect(worker.seen.text).toContain("connected to"), { timeout: 60_000, interval: 100 });
});
afterAll(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

test("the person signs in in a window, the browser goes on without one, and the page's cookie signs requests", async () => {
  expect(worker.seen.text).toMatch(/Sign in in the browser's window[\s\S]*the browser is ready at http:\/\/127/);
  const answer = await ask(gateway);
  expect([answer.status, worker.seen.text]).toEqual([200, expect.stringContaining("ready")]);
  expect(site.asked.at(-1)).toMatchObject({ user: "ada", origin: site.origin });
  const models = (await (await gateway.get("/v1/models")).json()) as { data: { id: string }[] };
  expect(models.data.map(({ id }) => id)).toContain("x");
});

test("a route's pattern leads to it, whatever the client's dialect", async () => {
  const answer = await gateway.post("/v1beta/models/gemini-9-pro-aistudio:generateContent", {
    contents: [{ role: "user", parts: [{ text: "hi" }] }],
  });
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("candidates")]);
});

test("text arrives as the page gets it", async () => {
  const before = site.open.length;
  const answering = ask(gateway, { stream: true });
  await expect.poll(() => site.open.length).toBe(before + 1);
  const source = site.open.at(-1)!;
  source.next();
  source.next();
  const reader = (await answering).body!.getReader();
  let text = "";
  while (!text.includes("chat.completion.chunk")) text += Buffer.from((await reader.read()).value!).toString();
  expect(text).not.toContain("[DONE]");
  source.finish();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read())
    text += Buffer.from(piece.value).toString();
  expect(text).toContain("[DONE]");
});

test("a client that leaves ends the page's own request", async () => {
  const [before, opened] = [site.aborted, site.open.length];
  const leaving = new AbortController();
  const answering = ask(gateway, { stream: true }, leaving.signal).catch(() => "left");
  await expect.poll(() => site.open.length).toBe(opened + 1);
  leaving.abort();
  expect(await answering).toBe("left");
  await expect.poll(() => site.aborted).toBe(before + 1);
});

test("a large answer and a reader that takes its time: it waits in the page, and nowhere on the way", async () => {
  const bytes = () => gateway.started.gateway.workers.loaded!.report()[0]!.bytes;
  site.sent = 0;
  const first = bytes();
  const socket = connect(Number(new URL(gateway.origin).port), "127.0.0.1");
  each.push({ close: () => socket.destroy() });
  const body = JSON.stringify({ model: "lab/large", stream: true, messages: [{ role: "user", content: "hi" }] });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => socket.once("readable", resolve));
  // What has come to the gateway stops growing: its client's buffers are full, and nobody keeps the rest.
  let before = -1;
  const isStill = () => {
    const last = before;
    before = bytes();
    return last === before && before > first;
  };
  await expect.poll(isStill, { interval: 500 }).toBe(true);
  expect(site.sent).toBeGreaterThan(largeSize);
  expect(bytes() - first).toBeLessThan(largeSize / 2);
  let read = 0;
  socket.on("data", (piece: Buffer) => (read += piece.length));
  await expect.poll(() => read, { timeout: 60_000 }).toBeGreaterThan(largeSize);
});

test("a browser that is killed is started again: what ran is answered all the same, and who was signed in still is", async () => {
  const opened = site.open.length;
  const answering = ask(gateway, { stream: true });
  await expect.poll(() => site.open.length).toBe(opened + 1);
  const killed = browserPid(profile)!;
  process.kill(killed, "SIGKILL");
  // Nothing of the answer had been seen: it is asked for again, of the new browser.
  await expect.poll(() => site.open.length, { timeout: 60_000 }).toBe(opened + 2);
  site.open.at(-1)!.finish();
  expect(await (await answering).text()).toContain("[DONE]");
  expect(browserPid(profile)).not.toBe(killed);
});

test("a sign-in that has ended is told as such", async () => {
  site.isSignedOut = true;
  const answer = await ask(gateway);
  site.isSignedOut = false;
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("run the worker with --sign-in")]);
});

test("mistakes of whoever starts it are told in a line", async () => {
  const run = async (args: readonly string[], environment: Record<string, string>) => {
    const child = spawn(process.execPath, [bin, "worker", ...args], {
      env: { PATH: process.env["PATH"]!, TRUNKLINE_HOME: gateway.home, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    child.stderr.on("data", (piece: Buffer) => (text += piece.toString()));
    const code = await new Promise((resolve) => child.once("exit", resolve));
    return [code, text];
  };
  const target = ["--target", site.origin];
  const token = { TRUNKLINE_WORKER_TOKEN: "tlw-wrong" };
  expect(await run(["fetch", ...target], {})).toEqual([2, expect.stringContaining("Set TRUNKLINE_WORKER_TOKEN")]);
  expect(await run(["fetch", ...target], token)).toEqual([
    1,
    expect.stringContaining("does not take this worker's token"),
  ]);
  expect(await run(["fetch", "--target", "nowhere"], token)).toEqual([
    2,
    expect.stringContaining("takes an http or https address"),
  ]);
  const empty = temporaryFolder();
  each.push({ close: empty.remove });
  const browser = ["browser", "--origin", site.origin, "--profile", empty.path];
  expect(await run(browser, { ...token, PATH: "/nonexistent" })).toEqual([
    1,
    expect.stringContaining("No Chromium or Chrome was found"),
  ]);
});

test("a worker that the gateway starts itself: one a profile, started again when it is killed, ended with the gateway", async () => {
  const folder = temporaryFolder();
  each.push({ close: folder.remove });
  const own = await startGateway(
    {
      providers: {
        lab: {
          kind: "browser-worker",
          preset: "openai-compatible",
          base_url: "http://lab/api/v1",
          models: ["x"],
          wait_seconds: 60,
          launch: {
            origin: site.origin,
            profiles: [join(folder.path, "ada"), join(folder.path, "bob")],
            restart: { first_wait_seconds: 0.1 },
          },
        },
      },
    },
    { PATH: process.env["PATH"]! },
  );
  each.push(own);
  const { workers, services } = own.started.gateway;
  await expect.poll(() => workers.loaded!.report().length, { timeout: 60_000 }).toBe(2);
  expect((await ask(own)).status).toBe(200);
  const pids = async () => (await services.report()).map(({ pid }) => pid!);
  const before = await pids();
  process.kill(before[0]!, "SIGKILL");
  await expect
    .poll(async () => (await services.report()).map(({ restarts }) => restarts), { timeout: 60_000 })
    .toEqual([1, 0]);
  await expect.poll(async () => (await pids())[0]).toBeGreaterThan(0);
  expect((await ask(own)).status).toBe(200);
  const browsers = [browserPid(join(folder.path, "bob"))!, ...(await pids())];
  await each.splice(each.indexOf(own), 1)[0]!.close();
  await expect.poll(() => browsers.filter((pid) => existsSync(`/proc/${pid}/exe`))).toEqual([]);
});
