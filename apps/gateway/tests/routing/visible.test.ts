import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { requestFor, temporaryFolder } from "../harness.ts";
import { openStreet, type Street } from "./street.ts";

const run = promisify(execFile);
const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");
let street: Street;

beforeEach(async () => {
  street = await openStreet({
    breaker: { failures: 3, open_seconds: 60, longest_open_seconds: 60 },
    routes: [{ pattern: "either", targets: ["a/small", "b/small"] }],
    limits: [{ key: "first", rpm: 100, concurrent: 5, budgets: [{ usd: 1, per: "day" }] }],
  });
});
afterEach(() => street.close());

function environment(home: string) {
  return { PATH: process.env["PATH"]!, HOME: home, TRUNKLINE_HOME: home };
}

async function trunkline(...args: string[]): Promise<string> {
  return (await run(process.execPath, [bin, ...args], { env: environment(street.gateway.home) })).stdout;
}

function ask(model: string): Promise<Response> {
  const { path, body } = requestFor("openai-chat", model, "Hello", false);
  return street.gateway.post(path, body);
}

test("what rests, is limited or is switched off is told everywhere, with why and until when", async () => {
  street.manners = { a: "e401", b: "e500", c: "e429" };
  await ask("a/small");
  for (let turn = 0; turn < 3; turn++) await ask("b/small");
  await ask("c/small");
  await street.admin("POST", "/admin/api/kill-switches", { scope: "model", name: "x-*", reason: "too dear" });
  await expect
    .poll(async () => (await (await street.gateway.get("/v1/health")).json()) as object)
    .toMatchObject({ kill_switches: [{ scope: "model", name: "x-*", reason: "too dear", by: "user:admin" }] });

  const health = (await (await street.gateway.get("/v1/health")).json()) as {
    targets: { provider: string; until: string }[];
    limits: object[];
  };
  const until = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
  expect(health.targets.toSorted((x, y) => (x.provider < y.provider ? -1 : 1))).toMatchObject([
    { provider: "a", model: null, state: "cooling", code: "upstream_auth_failed", until, asked_when_alone: true },
    { provider: "b", model: "small", state: "breaker", code: "upstream_error", until, asked_when_alone: false },
    { provider: "c", model: "small", state: "cooling", code: "upstream_rate_limited", until, asked_when_alone: false },
  ]);
  // Half an hour for a credential.
  expect(Date.parse(health.targets.find(({ provider }) => provider === "a")!.until) - Date.now()).toBeGreaterThan(
    1.7e6,
  );
  expect(health.limits).toContainEqual(expect.objectContaining({ limit: "requests a minute", used: "5", most: "100" }));
  expect(health.limits).toContainEqual(expect.objectContaining({ limit: "budget a day", resets: until }));

  const shown = await trunkline("health");
  expect(shown).toMatch(/a \(all of it\) +cooling +\S+Z +The provider 'a' refused the gateway's credential/);
  expect(shown).toMatch(/b\/small +breaker +\S+Z +/);
  expect(shown).toMatch(/model +x-\* +\S+Z +too dear/);
  expect(shown).toMatch(/key first +requests a minute +5 +100 +ok/);

  const metrics = await (await street.gateway.get("/metrics")).text();
  expect(metrics).toMatch(
    /trunkline_target_resting_seconds\{provider="a",model="",state="cooling",code="upstream_auth_failed"\} 1[78]\d\d/,
  );
  expect(metrics).toMatch(
    /trunkline_target_resting_seconds\{provider="b",model="small",state="breaker",code="upstream_error"\} \d/,
  );
  expect(metrics).toMatch(/trunkline_limit_used_ratio\{subject="key:\S+",limit="requests a minute"\} 0\.05/);
  expect(metrics).toContain('trunkline_kill_switches{scope="model",name="x-*"} 1');

  expect(await trunkline("route", "explain", "either")).toMatch(
    /b\/small +passed over +- +b\/small failed every time of late/,
  );
  expect(await trunkline("route", "reset", "b/small")).toBe("b/small is asked again from now on.\n");
  expect(await trunkline("route", "reset", "a")).toBe("a is asked again from now on.\n");
  expect(await trunkline("route", "explain", "either")).toMatch(/1 +a\/small +asked[^\n]*\n2 +b\/small +asked/);
});

test("a provider that is well again is found out without anybody's request", async () => {
  await street.close();
  street = await openStreet({
    health: { probe_seconds: 0.02 },
    breaker: { failures: 3, open_seconds: 60, longest_open_seconds: 60 },
  });
  street.manners = { a: "e401", b: "e500", c: "e429" };
  await ask("a/small");
  for (let turn = 0; turn < 3; turn++) await ask("b/small");
  await ask("c/small");
  type Health = { targets: { provider: string }[]; providers: { name: string; last_probe?: { ok: boolean } }[] };
  const health = async () => (await (await street.gateway.get("/v1/health")).json()) as Health;
  const probed = async (name: string) =>
    (await health()).providers.find((provider) => provider.name === name)?.last_probe?.ok;
  await expect.poll(() => probed("b")).toBe(false);
  expect((await health()).targets).toHaveLength(3);
  street.manners = { c: "e429" };
  // A rate limit is over when its time is, and not before.
  await expect.poll(async () => (await health()).targets.map(({ provider }) => provider)).toEqual(["c"]);
  expect(await probed("b")).toBe(true);
  const asked = street.upstream.received.filter(({ path }) => path.includes("/b/v1/chat")).length;
  expect(asked).toBe(3);
  expect((await ask("b/small")).status).toBe(200);
});

test("mistakes in routes are found by `config check` and `doctor`", async () => {
  const file = join(street.gateway.home, "wrong.yaml");
  writeFileSync(
    file,
    stringify({
      providers: { a: { preset: "openai" } },
      routes: [
        { pattern: "fine", targets: ["a/x", "trunkline/echo"] },
        { pattern: "lost", targets: ["b/x"] },
        { pattern: "typo", tragets: [] },
        { pattern: "/(/", targets: ["a/x"] },
      ],
    }),
  );
  const failed = await trunkline("config", "check", file).catch((error: { code: number; stdout: string }) => error);
  expect(failed).toMatchObject({ code: 1 });
  const { stdout } = failed as { stdout: string };
  expect(stdout).toMatch(
    /lost: the target 'b\/x' names the provider 'b'[^]*\/\(\/: the pattern cannot be read[^]*typo: routes\.2\.t/,
  );
  expect(stdout).not.toContain("fine:");
  const config = stringify({ discover: false, routes: [{ pattern: "lost", targets: ["b/x"] }] });
  const own = join(street.gateway.home, "trunkline.yaml");
  writeFileSync(own, config);
  chmodSync(own, 0o600);
  const doctor = await trunkline("doctor").catch((error: { stdout: string }) => error.stdout);
  expect(doctor).toMatch(/✗ route lost +the target 'b\/x' names the provider 'b'/);
});

test("the operator's addresses are the operator's alone", async () => {
  for (const [method, path] of [
    ["GET", "/admin/api/routes"],
    ["PUT", "/admin/api/routes"],
    ["POST", "/admin/api/routes/explain"],
    ["GET", "/admin/api/targets"],
    ["DELETE", "/admin/api/targets/a"],
    ["GET", "/admin/api/limits"],
    ["GET", "/admin/api/kill-switches"],
    ["POST", "/admin/api/kill-switches"],
    ["DELETE", "/admin/api/kill-switches/everything"],
  ] as const) {
    for (const authorization of ["", `Bearer ${street.gateway.key}`, "Bearer x"])
      expect((await fetch(street.gateway.origin + path, { method, headers: { authorization } })).status).toBe(401);
  }
  const question = { model: "either", wrong: 1 };
  expect((await street.admin("POST", "/admin/api/routes/explain", question)).status).toBe(400);
  expect((await street.admin("POST", "/admin/api/routes/explain", { model: "either", key: "nobody" })).status).toBe(
    404,
  );
  expect((await street.admin("POST", "/admin/api/kill-switches", { scope: "planet" })).status).toBe(400);
  expect((await street.admin("DELETE", "/admin/api/kill-switches/model/none")).status).toBe(404);
});

describe("routes over HTTP", () => {
  const put = (routes: unknown, headers: Record<string, string> = {}) =>
    street.admin("PUT", "/admin/api/routes", { routes }, { "if-match": "*", ...headers });

  test("are written into the file, whose rest stays, and heeded soon", async () => {
    const file = join(street.gateway.home, "trunkline.yaml");
    const { readFileSync } = await import("node:fs");
    writeFileSync(file, `# Mine.\n${readFileSync(file, "utf8")}`);
    const before = await street.admin("GET", "/admin/api/routes");
    const tag = before.headers.get("etag")!;
    expect(((await before.json()) as { routes: { pattern: string }[] }).routes).toMatchObject([{ pattern: "either" }]);
    const written = await put([{ pattern: "new-*", targets: ["c/*"] }], { "if-match": tag });
    expect([written.status, written.headers.get("etag")]).toEqual([200, expect.not.stringMatching(tag)]);
    expect(readFileSync(file, "utf8")).toMatch(/^# Mine\.\n[^]*pattern: new-\*/);
    await expect
      .poll(async () => (await ask("new-small")).headers.get("x-trunkline-provider"), { timeout: 5000 })
      .toBe("c");
    expect((await put([], { "if-match": tag })).status).toBe(412);
  });

  test.each([
    ["no list", "x", "expected array"],
    ["an unknown setting", [{ pattern: "p", target: "a/small" }], "routes.0.target: unknown setting"],
    ["no targets", [{ pattern: "p", targets: [] }], "routes.0.targets"],
  ])("%s is refused, and nothing is written", async (_name, routes, message) => {
    const tag = (await street.admin("GET", "/admin/api/routes")).headers.get("etag");
    const refused = await put(routes);
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(message)]);
    expect((await street.admin("GET", "/admin/api/routes")).headers.get("etag")).toBe(tag);
  });
});

describe("a kill switch", () => {
  test("of a route, by its pattern", async () => {
    expect((await ask("either")).status).toBe(200);
    await trunkline("kill", "route", "either", "--reason", "audit");
    const refused = await ask("either");
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringContaining("The route 'either' is switched off by the operator: audit."),
    ]);
    expect((await ask("a/small")).status).toBe(200);
    expect((await street.admin("DELETE", "/admin/api/kill-switches/route/either")).status).toBe(200);
    await expect.poll(async () => (await ask("either")).status).toBe(200);
  });

  test("is heeded by another gateway beside the same database", async () => {
    const folder = temporaryFolder();
    const home = join(folder.path, "home");
    mkdirSync(home, { mode: 0o700 });
    copyFileSync(join(street.gateway.home, "secret.key"), join(home, "secret.key"));
    const database = join(street.gateway.home, "trunkline.db");
    writeFileSync(join(home, "trunkline.yaml"), stringify({ discover: false, database, server: { port: 0 } }));
    const child = spawn(process.execPath, [bin, "start", "--json"], {
      env: environment(home),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (said.trimEnd().endsWith("}")) break;
    }
    const { address } = JSON.parse(said) as { address: string };
    const { path, body } = requestFor("openai-chat", "trunkline/echo", "Hello", false);
    const askOther = async () =>
      (
        await fetch(address + path, {
          method: "POST",
          headers: { authorization: `Bearer ${street.gateway.key}`, "content-type": "application/json" },
          body: JSON.stringify(body),
        })
      ).status;
    expect(await askOther()).toBe(200);
    await trunkline("kill", "everything");
    expect(await askOther()).toBe(503);
    expect((await ask("a/small")).status).toBe(503);
    await trunkline("unkill", "everything");
    expect(await askOther()).toBe(200);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    folder.remove();
  });
});
