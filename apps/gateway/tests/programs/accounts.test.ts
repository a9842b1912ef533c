import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeProgram, type FakePlan } from "@trunkline/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { startGateway, temporaryFolder, type TestGateway } from "../harness.ts";

const bin = join(import.meta.dirname, "../../bin/trunkline.mjs");
let folder: ReturnType<typeof temporaryFolder>;
let gateway: TestGateway | undefined;
beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder.path, "home"));
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  folder.remove();
});

const lines = (...events: object[]) => events.map((event) => JSON.stringify(event));
const streamed = (event: object) => ({ type: "stream_event", event });
const said = (text: string) => [
  streamed({ type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], usage: { input_tokens: 3, output_tokens: 1 } } }),
  streamed({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
  streamed({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  streamed({ type: "content_block_stop", index: 0 }),
  streamed({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 2 } }),
  streamed({ type: "message_stop" }),
  { type: "result", subtype: "success", is_error: false, num_turns: 1, result: text },
]; // prettier-ignore
const limited = (info: object) => ({ type: "rate_limit_event", rate_limit_info: info });
const seconds = (fromNow: number) => Math.round(Date.now() / 1000) + fromNow;

function claude(plan: Partial<FakePlan>, accounts: object[], more: object = {}): object {
  const command = makeProgram(join(folder.path, "program"), "claude", {
    version: "2.1.329",
    protocol: "claude",
    turns: [],
    ...plan,
  });
  return { kind: "cli-process", driver: "claude", command, models: ["m"], warm: 0, accounts, ...more };
}

const start = async (config: object) => (gateway = await startGateway(config, {}, join(folder.path, "home")));
const ask = (content = "hi") =>
  gateway!.post("/v1/chat/completions", { model: "plan/m", messages: [{ role: "user", content }] });
const textOf = async (response: Response) =>
  ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;

async function trunkline(args: string[], more: Record<string, string> = {}) {
  const environment = {
    PATH: process.env["PATH"]!,
    HOME: folder.path,
    TRUNKLINE_HOME: join(folder.path, "home"),
    NO_COLOR: "1",
    ...more,
  };
  return promisify(execFile)(process.execPath, [bin, ...args], { env: environment }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  );
}

describe("quota", () => {
  const spent = seconds(7200);
  const plan = () =>
    claude(
      {
        turns: [
          { lines: lines(limited({ status: "rejected", rateLimitType: "five_hour", resetsAt: spent, overageStatus: "rejected" }), { type: "result", subtype: "success", is_error: true, api_error_status: 429, result: "You've hit your session limit" }), code: 1 },
          { lines: lines(limited({ status: "allowed_warning", rateLimitType: "seven_day", resetsAt: spent, utilization: 0.82 }), ...said("from the second")) },
        ],
      },
      [
        { name: "first", env: { FAKE_TURN: "0" } },
        { name: "second", env: { FAKE_TURN: "1" } },
      ],
    ); // prettier-ignore

  test("an account without any left is passed over until its window resets, also after a restart; API, headers and command tell", async () => {
    await start({ providers: { plan: plan() } });
    const answer = await ask();
    expect(await textOf(answer)).toBe("from the second");
    expect(answer.headers.get("x-trunkline-quota-7d-status")).toBe("allowed_warning");
    expect(answer.headers.get("x-trunkline-quota-7d-utilization")).toBe("0.820");
    expect(answer.headers.get("x-trunkline-quota-7d-reset")).toBe(String(spent));
    const { key } = gateway!;
    await gateway!.close();
    await start({ providers: { plan: plan() } });
    const quota = (await (
      await fetch(`${gateway!.origin}/v1/usage/quota`, { headers: { authorization: `Bearer ${key}` } })
    ).json()) as { accounts: object[]; buckets: object[] };
    expect(quota.accounts).toEqual([
      expect.objectContaining({
        provider: "plan",
        account: "first",
        state: "resting",
        reason: "its plan limit is used up",
      }),
      { provider: "plan", account: "second", state: "ready", reason: null, until: null },
    ]);
    const resetsAt = new Date(spent * 1000).toISOString();
    expect(quota.buckets).toEqual([
      expect.objectContaining({ account: "first", type: "five_hour", status: "rejected", resetsAt }),
      expect.objectContaining({
        account: "second",
        type: "seven_day",
        status: "allowed_warning",
        utilization: 0.82,
        resetsAt,
      }),
    ]);
    expect((await fetch(`${gateway!.origin}/v1/usage/quota`)).status).toBe(401);
    await gateway!.close();
    gateway = undefined;
    writeFileSync(
      join(folder.path, "home", "trunkline.yaml"),
      stringify({ discover: false, providers: { plan: plan() } }),
    );
    const printed = await trunkline(["quota"]);
    expect(printed.stdout).toMatch(/plan +first +resting +five_hour/);
    expect(printed.stdout).toMatch(/plan +second +ready +seven_day +82 %/);
    const listed = await trunkline(["accounts"]);
    expect(listed.stdout).toMatch(/plan +first +Claude Code +no +its plan limit is used up until/);
  });

  test("a conversation goes on with its account, whose prompt cache knows it, even when its process is gone", async () => {
    const turns = [{ lines: lines(...said("from the first")) }, { lines: lines(...said("from the second")) }];
    const accounts = [
      { name: "first", env: { FAKE_TURN: "0" } },
      { name: "second", env: { FAKE_TURN: "1" } },
    ];
    await start({ providers: { plan: claude({ turns }, accounts, { keep_seconds: 0.001, concurrency: 2 }) } });
    // Two at once, so that one goes to each.
    const [one, two] = await Promise.all(["one", "two"].map(async (content) => textOf(await ask(content))));
    expect(new Set([one, two])).toEqual(new Set(["from the first", "from the second"]));
    for (const [content, text] of [
      ["one", one],
      ["two", two],
      ["two", two],
      ["one", one],
    ] as const) {
      const answer = await gateway!.post("/v1/chat/completions", {
        model: "plan/m",
        messages: [
          { role: "user", content },
          { role: "assistant", content: text },
          { role: "user", content: "and?" },
        ],
      });
      expect(await textOf(answer)).toBe(text);
    }
  });

  test("plan_limits_only refuses what would be billed beyond the plan; without it, it is used", async () => {
    const turns = [
      {
        lines: lines(
          limited({
            status: "allowed",
            rateLimitType: "five_hour",
            resetsAt: spent,
            isUsingOverage: true,
            overageStatus: "allowed",
          }),
          ...said("beyond"),
        ),
      },
    ];
    await start({
      providers: {
        plan: claude({ turns }, [{ name: "strict", plan_limits_only: true }]),
        lenient: claude({ turns }, [{ name: "lenient" }]),
      },
    });
    expect((await ask()).status).toBe(200);
    const refused = await ask("another");
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain("billed beyond its plan");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(7000);
    for (const content of ["one", "two"]) {
      const answer = await gateway!.post("/v1/chat/completions", {
        model: "lenient/m",
        messages: [{ role: "user", content }],
      });
      expect(answer.status).toBe(200);
    }
  });

  test("an API key stands in for a subscription that cannot answer, where the operator says so", async () => {
    const turns = [
      {
        lines: lines({
          type: "result",
          subtype: "success",
          is_error: true,
          result: "Not logged in · Please run /login",
        }),
        code: 1,
      },
    ];
    await start({ providers: { plan: claude({ turns }, [{ name: "main" }], { fallback: "trunkline/echo" }) } });
    const answer = await ask("hello");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-trunkline-provider")).toBe("trunkline");
    expect(await textOf(answer)).toBe("hello");
    const rows = async () => {
      const listed = await gateway!.started.gateway.store.exchanges.list({ limit: 1 });
      return listed.map(({ provider, model }) => ({ provider, model }));
    };
    await expect.poll(rows).toEqual([{ provider: "trunkline", model: "echo" }]);
  });
});

describe("credentials in answers", () => {
  const secret = `ghp_${"a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"}`;

  test.each([
    ["on", "The key is [redacted]"],
    ["off", `The key is ${secret}`],
    ["report", `The key is ${secret}`],
  ])("redaction %s", async (redaction, expected) => {
    const turns = [{ lines: lines(...said(`The key is ${secret}`)) }];
    await start({ providers: { plan: claude({ turns }, [{ name: "main" }], { redaction }) } });
    expect(await textOf(await ask())).toBe(expected);
    const metrics = await (await gateway!.get("/metrics")).text();
    const line = metrics.split("\n").find((text) => text.startsWith("trunkline_secrets_found_total{"));
    expect(line?.replace(/^.*\{/, "{")).toBe(
      redaction === "off" ? undefined : `{provider="plan",kind="github",action="${redaction}"} 1`,
    );
  });
});

describe("a program nobody wrote a driver for", () => {
  const command = (plan: FakePlan, program: object) => ({
    plan: {
      kind: "cli-process",
      driver: "command",
      command: makeProgram(join(folder.path, "own"), "own", plan),
      program,
      models: ["m"],
      accounts: [{ name: "main" }],
    },
  });

  test("that writes text", async () => {
    const turns = [{ lines: ["First line.", "Second line."], code: 0 }];
    await start({ providers: command({ protocol: "once", turns }, { args: ["--model={model}"], output: "text" }) });
    expect(await textOf(await ask())).toBe("First line.\nSecond line.");
  });

  test("that writes events, read by rules", async () => {
    const events = lines(
      { kind: "thought", body: { text: "Hm." } },
      { kind: "say", body: { text: "Good " } },
      { kind: "say", body: { text: "day." } },
      { kind: "over", tokens: { in: 11, out: 4 } },
    );
    const rules = [
      { when: { kind: "thought" }, reasoning: "body.text" },
      { when: { kind: "say" }, text: "body.text" },
      { when: { kind: "over" }, input_tokens: "tokens.in", output_tokens: "tokens.out", end: true },
    ];
    await start({
      providers: command(
        { protocol: "once", turns: [{ lines: events, code: 0 }] },
        { output: "ndjson", events: rules },
      ),
    });
    const answer = (await (await ask()).json()) as { usage: { prompt_tokens: number }; choices: { message: object }[] };
    expect(answer.choices[0]!.message).toMatchObject({ content: "Good day.", reasoning_content: "Hm." });
    expect(answer.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 4 });
  });

  test("calls the client's tools by writing them", async () => {
    const call = '{"tool_calls":[{"name":"get_weather","arguments":{"city":"Rome"}}]}';
    await start({ providers: command({ protocol: "once", turns: [{ lines: [call], code: 0 }] }, { output: "text" }) });
    const answer = await gateway!.post("/v1/chat/completions", {
      model: "plan/m",
      messages: [{ role: "user", content: "Weather?" }],
      tools: [{ type: "function", function: { name: "get_weather", parameters: { type: "object" } } }],
    });
    const { choices } = (await answer.json()) as {
      choices: { finish_reason: string; message: { tool_calls: { function: object }[] } }[];
    };
    expect(choices[0]!.finish_reason).toBe("tool_calls");
    expect(choices[0]!.message.tool_calls[0]!.function).toEqual({ name: "get_weather", arguments: '{"city":"Rome"}' });
  });

  test("that fails", async () => {
    await start({
      providers: command(
        { protocol: "once", turns: [{ stderr: "cannot open /home/alice/model.bin", code: 3 }] },
        { output: "text" },
      ),
    });
    const answer = await ask();
    expect(answer.status).toBe(502);
    const text = await answer.text();
    expect(text).toContain("exit code 3");
    expect(text).not.toContain("alice");
  });
});

describe("trunkline accounts", () => {
  const withProgram = (config: object) => {
    writeFileSync(join(folder.path, "home", "trunkline.yaml"), stringify(config));
  };

  test("add runs the program's own log-in in a home of its own; remove takes the home away", async () => {
    const command = makeProgram(join(folder.path, "own"), "own", {
      protocol: "once",
      readsNothing: true,
      turns: [{ lines: ["Signed in."], code: 0 }],
    });
    withProgram({
      discover: false,
      providers: { own: { kind: "cli-process", driver: "command", command, program: { output: "text" } } },
    });
    const added = await trunkline(["accounts", "add", "own", "--name", "work"]);
    expect(added).toMatchObject({ code: 0 });
    expect(added.stdout).toContain("Signed in.");
    expect(added.stdout).toContain("Added the account 'work'");
    const home = join(folder.path, "home", "accounts", "own", "work");
    expect(existsSync(home)).toBe(true);
    expect((await trunkline(["accounts", "add", "own", "--name", "work"])).stderr).toContain(
      "has an account 'work' already",
    );
    expect(JSON.parse((await trunkline(["accounts", "--json"])).stdout)).toEqual([
      expect.objectContaining({ provider: "own", account: "work" }),
    ]);
    expect((await trunkline(["accounts", "remove", "own", "nobody"])).stderr).toContain("It has: work");
    expect(await trunkline(["accounts", "remove", "own", "work"])).toMatchObject({ code: 0 });
    expect(existsSync(home)).toBe(false);
  });

  test("add keeps nothing of a log-in that failed", async () => {
    const command = makeProgram(join(folder.path, "own"), "own", {
      protocol: "once",
      readsNothing: true,
      turns: [{ stderr: "No.\n", code: 1 }],
    });
    withProgram({
      discover: false,
      providers: { own: { kind: "cli-process", driver: "command", command, program: { output: "text" } } },
    });
    const failed = await trunkline(["accounts", "add", "own"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("nobody is signed in");
    expect(existsSync(join(folder.path, "home", "accounts", "own", "main"))).toBe(false);
  });

  test("--home takes a person's own log-in, and leaves it where it is", async () => {
    const command = makeProgram(join(folder.path, "program"), "claude", {
      version: "2.1.329",
      protocol: "claude",
      turns: [],
    });
    withProgram({ discover: false, providers: { claude: { kind: "cli-process", command } } });
    mkdirSync(join(folder.path, "person", ".claude"), { recursive: true });
    writeFileSync(join(folder.path, "person", ".claude", ".credentials.json"), "{}");
    const added = await trunkline([
      "accounts",
      "add",
      "claude",
      "--home",
      join(folder.path, "person"),
      "--plan-limits-only",
    ]);
    expect(added.stdout).toContain("by its own log-in");
    const note = readFileSync(join(folder.path, "home", "accounts", "claude", "main", "account.json"), "utf8");
    expect(JSON.parse(note)).toEqual({ home: join(folder.path, "person"), planLimitsOnly: true });
    await trunkline(["accounts", "remove", "claude", "main"]);
    expect(existsSync(join(folder.path, "person", ".claude", ".credentials.json"))).toBe(true);
  });

  test("a program that is missing or too old is told, with what to do", async () => {
    withProgram({
      discover: false,
      providers: { claude: { kind: "cli-process", command: join(folder.path, "none") } },
    });
    expect((await trunkline(["accounts", "add", "claude"])).stderr).toContain(
      "npm install -g @anthropic-ai/claude-code",
    );
    const command = makeProgram(join(folder.path, "program"), "claude", {
      version: "2.1.74",
      protocol: "claude",
      turns: [],
    });
    withProgram({ discover: false, providers: { claude: { kind: "cli-process", command } } });
    expect((await trunkline(["accounts", "add", "claude"])).stderr).toContain(
      "2.1.74 is too old: 2.1.197 or newer is needed",
    );
    expect((await trunkline(["accounts", "add", "nonesuch"])).stderr).toContain("claude, codex, agy, gemini");
    const doctor = JSON.parse((await trunkline(["doctor", "--json"])).stdout) as { check: string; detail: string }[];
    expect(doctor.find(({ check }) => check === "program claude")!.detail).toContain("too old");
    expect(doctor.filter(({ check }) => check.startsWith("program "))).toHaveLength(4);
  });
});
