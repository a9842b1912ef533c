import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures, sendJson, startUpstream } from "@trunkline/testkit";
import { afterEach, expect, test } from "vitest";
import { startGateway, temporaryFolder, type TestGateway } from "../harness.ts";
import { startAuthorizationServer } from "./authorization-server.ts";
import { createBrowser } from "./browser.ts";

const open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");

async function startPlace(hasDevice: boolean) {
  const server = await startAuthorizationServer({
    redirectUris: ["http://127.0.0.1/v1/auth/acme/callback"],
    features: { deviceFlow: { enabled: hasDevice } },
  });
  const api = await startUpstream(async ({ headers, path }, response) => {
    const isValid = await server.isValid(headers.authorization?.replace("Bearer ", "") ?? "");
    if (!isValid) return sendJson(response, 401, { error: { message: "no" } });
    sendJson(response, 200, path.endsWith("/models") ? { data: [{ id: "x" }] } : fixtures["openai-chat"].text.json);
  });
  const gateway = await startGateway({
    providers: {
      acme: {
        kind: "oauth-session",
        base_url: `${api.origin}/v1`,
        oauth: {
          issuer: server.issuer,
          client_id: hasDevice ? "trunkline-test" : "trunkline-code",
          scopes: ["openid", "offline_access"],
          parameters: { prompt: "consent" },
        },
      },
    },
  });
  open.push(server, api, gateway);
  return { server, gateway };
}

/** `trunkline login acme` at a terminal that has this environment besides the home and the path. */
function logIn(gateway: TestGateway, environment: Record<string, string>, args: readonly string[] = []) {
  const child: ChildProcess = spawn(process.execPath, [bin, "login", "acme", ...args], {
    env: { PATH: process.env["PATH"]!, TRUNKLINE_HOME: gateway.home, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  open.push({ close: () => void child.kill("SIGKILL") });
  const seen = { out: "", error: "" };
  child.stdout!.on("data", (piece: Buffer) => (seen.out += piece.toString()));
  child.stderr!.on("data", (piece: Buffer) => (seen.error += piece.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  return { child, seen, ended };
}

async function answers(gateway: TestGateway): Promise<number> {
  const body = { model: "acme/x", messages: [{ role: "user", content: "hi" }] };
  return (await gateway.post("/v1/chat/completions", body)).status;
}

test("with a browser: it opens, the person signs in, the command ends and the first request is answered", async () => {
  const { gateway } = await startPlace(true);
  const folder = temporaryFolder();
  open.push({ close: folder.remove });
  const browser = join(folder.path, "browser");
  writeFileSync(browser, `#!/bin/sh\nexec "${process.execPath}" "${join(import.meta.dirname, "browse.ts")}" "$1"\n`);
  chmodSync(browser, 0o755);
  const { seen, ended } = logIn(gateway, { BROWSER: browser });
  expect(await ended, seen.error).toBe(0);
  expect(seen.error).toContain("Your browser opens the sign-in");
  expect(seen.error).toContain("Signed in to acme.");
  expect(seen.out).toMatch(/acme\s+ok\s+1/);
  expect(await answers(gateway)).toBe(200);
});

test("without a browser, where there is a device flow: a code is typed in elsewhere", async () => {
  const { gateway } = await startPlace(true);
  const { seen, ended } = logIn(gateway, {});
  await expect.poll(() => /open it with the code in it:\n\n {2}(\S+)/.exec(seen.error)?.[1]).toBeDefined();
  expect(seen.error).toMatch(/type in the code\n\n {2}[A-Z]{4}-[A-Z]{4}\n/);
  await createBrowser().signIn(/code in it:\n\n {2}(\S+)/.exec(seen.error)![1]!);
  expect(await ended, seen.error).toBe(0);
  expect(await answers(gateway)).toBe(200);
});

test("without a browser and without a device flow: the address the browser ended at is pasted", async () => {
  const { gateway } = await startPlace(false);
  const { child, seen, ended } = logIn(gateway, { BROWSER: "" }, ["--no-browser"]);
  await expect.poll(() => seen.error).toContain("Paste that whole address here");
  const address = /sign in:\n\n {2}(\S+)/.exec(seen.error)![1]!;
  const { address: last } = await createBrowser().signIn(address, (at) => at.startsWith(`${gateway.origin}/v1/auth/`));
  child.stdin!.end(`\n  ${last}  \n`);
  expect(await ended, seen.error).toBe(0);
  expect(await answers(gateway)).toBe(200);
});

test("mistakes are told in one line", async () => {
  const { gateway } = await startPlace(false);
  const pasted = logIn(gateway, {});
  pasted.child.stdin!.end("https://wrong.example/?code=x&state=y\n");
  expect([await pasted.ended, pasted.seen.error]).toEqual([1, expect.stringContaining("belongs to another sign-in")]);
  const device = logIn(gateway, {}, ["--device"]);
  expect([await device.ended, device.seen.error]).toEqual([1, expect.stringContaining("has no device flow")]);
  const nothing = logIn(gateway, {});
  nothing.child.stdin!.end();
  expect([await nothing.ended, nothing.seen.error]).toEqual([2, expect.stringContaining("Nothing was pasted")]);
  const folder = temporaryFolder();
  open.push({ close: folder.remove });
  const stopped = logIn({ ...gateway, home: folder.path }, {});
  expect([await stopped.ended, stopped.seen.error]).toEqual([3, expect.stringContaining("npx trunkline start -d")]);
});
