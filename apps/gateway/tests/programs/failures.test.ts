import { join } from "node:path";
import { makeProgram, recordedError, recordedLines, type FakeTurn } from "@trunkline/testkit";
import { afterAll, afterEach, expect, test } from "vitest";
import { startGateway, temporaryFolder, type TestGateway } from "../harness.ts";

type Row = {
  readonly what: string;
  readonly driver: "claude" | "codex" | "gemini" | "agy";
  readonly turn: FakeTurn;
  readonly status: number;
  /** In the log and the ledger; the client sees its dialect's word for it. */
  readonly code: string;
  readonly message: RegExp;
  readonly account: "ready" | "resting" | "signed-out";
  /** Seconds in `retry-after`, at least and at most. */
  readonly retryAfter?: readonly [number, number];
  readonly shouldRetry?: "false";
};

const recorded = (name: string, code = 1): FakeTurn => ({ lines: recordedLines(name), code });
const codexRow = (name: string): FakeTurn => ({ lines: recordedLines(name), stderr: recordedError(name), code: 1 });
const geminiRow = (name: string, code: number): FakeTurn => ({
  lines: recordedLines(name),
  stderr: recordedError(name),
  code,
});

const init = { type: "system", subtype: "init", session_id: "s", tools: [] };
const synthetic = (text: string, error?: string) => ({
  type: "assistant",
  message: { model: "<synthetic>", role: "assistant", content: [{ type: "text", text }] },
  ...(error === undefined ? {} : { error }),
});
const result = (more: object) => ({ type: "result", subtype: "success", num_turns: 1, result: "", ...more });
const lines = (...events: object[]) => events.map((event) => JSON.stringify(event));

const inTwoHours = Math.round(Date.now() / 1000) + 7200;
const rejected = {
  type: "rate_limit_event",
  rate_limit_info: { status: "rejected", rateLimitType: "five_hour", resetsAt: inTwoHours, overageStatus: "rejected" },
};
const agyResult = (body: object) => JSON.stringify({ event: "result", conversation_id: "c", result: body });

const ownKey = /your own key is fine/;

const rows: readonly Row[] = [
  { what: "claude: 400", driver: "claude", turn: recorded("claude-err9400"), status: 400, code: "upstream_rejected", message: /./, account: "ready" },
  { what: "claude: 401", driver: "claude", turn: recorded("claude-err9401"), status: 503, code: "account_signed_out", message: ownKey, account: "signed-out", shouldRetry: "false" },
  { what: "claude: 429", driver: "claude", turn: recorded("claude-err9429"), status: 429, code: "upstream_rate_limited", message: /rate limit/, account: "resting", retryAfter: [1, 10] },
  { what: "claude: 500", driver: "claude", turn: recorded("claude-err9500"), status: 502, code: "upstream_error", message: /failed/, account: "ready" },
  { what: "claude: 529", driver: "claude", turn: recorded("claude-err9529"), status: 503, code: "upstream_overloaded", message: /overloaded/, account: "ready" },
  {
    what: "claude: signed out, told by the program itself",
    driver: "claude",
    turn: { lines: lines(init, synthetic("Not logged in · Please run /login"), result({ is_error: true, result: "Not logged in · Please run /login" })), code: 1 },
    status: 503, code: "account_signed_out", message: ownKey, account: "signed-out", shouldRetry: "false",
  },
  {
    what: "claude: a retry storm on 401 is ended at its first try",
    driver: "claude",
    turn: { lines: lines(init, { type: "system", subtype: "api_retry", attempt: 1, max_retries: 10, error_status: 401, error: "authentication_failed" }), hang: true },
    status: 503, code: "account_signed_out", message: ownKey, account: "signed-out", shouldRetry: "false",
  },
  {
    what: "claude: the plan's window is used up, with an event that tells until when",
    driver: "claude",
    turn: { lines: lines(init, rejected, synthetic("You've hit your session limit · resets 2pm (UTC)", "rate_limit"), result({ is_error: true, api_error_status: 429 })), code: 1 },
    status: 429, code: "account_quota_exceeded", message: /plan limit/, account: "resting", retryAfter: [1, 86_400],
  },
  {
    what: "claude: the window is used up, told in a sentence and with exit code 0",
    driver: "claude",
    turn: { lines: lines(init, synthetic("You've hit your weekly limit · resets in 3 hours"), result({ is_error: true, result: "You've hit your weekly limit · resets in 3 hours" })), code: 0 },
    status: 429, code: "account_quota_exceeded", message: /plan limit/, account: "resting", retryAfter: [10_790, 10_800],
  },
  {
    what: "claude: out of usage beyond the plan",
    driver: "claude",
    turn: { lines: lines(init, synthetic("You're out of extra usage"), result({ is_error: true, api_error_status: 400 })), code: 1 },
    status: 429, code: "upstream_quota_exceeded", message: /out of credit/, account: "resting", shouldRetry: "false",
  },
  {
    what: "claude: an empty success",
    driver: "claude",
    turn: { lines: lines(init, result({ is_error: false })), code: 0 },
    status: 502, code: "upstream_bad_response", message: /without an answer/, account: "ready",
  },
  {
    what: "claude: the prompt is too long",
    driver: "claude",
    turn: { lines: lines(init, synthetic("Prompt is too long", "invalid_request"), result({ is_error: true, api_error_status: 400 })), code: 1 },
    status: 400, code: "context_length_exceeded", message: /too long/i, account: "ready",
  },
  {
    what: "claude: an event spliced into the middle of another",
    driver: "claude",
    turn: {
      lines: (() => {
        const whole = JSON.stringify(result({ is_error: true, api_error_status: 529, api_error_type: "overloaded_error" }));
        return [JSON.stringify(init), `${whole.slice(0, 30)}${JSON.stringify({ ...rejected, rate_limit_info: { status: "allowed", rateLimitType: "five_hour" } })}`, whole.slice(30)];
      })(),
      code: 1,
    },
    status: 503, code: "upstream_overloaded", message: /overloaded/, account: "ready",
  },
  { what: "claude: it crashes without a word", driver: "claude", turn: { code: 139 }, status: 502, code: "program_crashed", message: /ended unexpectedly \(exit code 139\)/, account: "ready" },
  {
    what: "claude: it crashes with a stack trace that names files",
    driver: "claude",
    turn: { stderr: "TypeError: x is not a function\n    at run (/home/alice/secret/cli.js:1:2)\n", code: 1 },
    status: 502, code: "program_crashed", message: /^(?!.*alice)(?!.*cli\.js).*x is not a function/, account: "ready",
  },
  { what: "claude: it is silent until the time is up", driver: "claude", turn: { hang: true }, status: 504, code: "upstream_timeout", message: /did not finish within/, account: "ready" },
  { what: "claude: a line without an end", driver: "claude", turn: { lines: ["x".repeat(17 * 1024 * 1024)], separator: "" , hang: true }, status: 502, code: "output_too_large", message: /larger than 16 MiB/, account: "ready", shouldRetry: "false" },
  { what: "codex: 400", driver: "codex", turn: codexRow("codex-err9400"), status: 400, code: "upstream_rejected", message: /./, account: "ready" },
  { what: "codex: 401", driver: "codex", turn: codexRow("codex-err9401"), status: 503, code: "account_signed_out", message: ownKey, account: "signed-out", shouldRetry: "false" },
  { what: "codex: 429", driver: "codex", turn: codexRow("codex-err9429"), status: 429, code: "upstream_rate_limited", message: /rate limit/, account: "resting", retryAfter: [1, 10] },
  { what: "codex: 429 without retries", driver: "codex", turn: codexRow("codex-err9429-noretry"), status: 429, code: "upstream_rate_limited", message: /rate limit/, account: "resting", retryAfter: [1, 10] },
  { what: "codex: 500", driver: "codex", turn: codexRow("codex-err9500"), status: 503, code: "upstream_overloaded", message: /overloaded/, account: "ready" },
  { what: "codex: 500 without retries", driver: "codex", turn: codexRow("codex-err9500-noretry"), status: 503, code: "upstream_overloaded", message: /overloaded/, account: "ready" },
  { what: "codex: a vendor that hangs up", driver: "codex", turn: codexRow("codex-err9998-noretry"), status: 502, code: "upstream_unreachable", message: /could not reach/, account: "ready" },
  { what: "codex: a vendor that falls silent", driver: "codex", turn: codexRow("codex-hang"), status: 504, code: "upstream_timeout", message: /./, account: "ready" },
  { what: "codex: nobody listens", driver: "codex", turn: codexRow("codex-refused2"), status: 502, code: "upstream_unreachable", message: /could not reach/, account: "ready" },
  {
    what: "codex: the plan's window is used up",
    driver: "codex",
    turn: { lines: lines({ type: "turn.started" }, { type: "turn.failed", error: { message: "You've hit your usage limit. Upgrade to Pro or try again in 2 hours 5 minutes." } }), code: 1 },
    status: 429, code: "account_quota_exceeded", message: /plan limit/, account: "resting", retryAfter: [7490, 7500],
  },
  {
    what: "codex: a turn that completes without a message",
    driver: "codex",
    turn: { lines: lines({ type: "turn.started" }, { type: "turn.completed", usage: { input_tokens: 1, output_tokens: 0 } }), code: 0 },
    status: 502, code: "upstream_bad_response", message: /without an answer/, account: "ready",
  },
  { what: "gemini: 400", driver: "gemini", turn: geminiRow("gemini-err9400", 144), status: 400, code: "upstream_rejected", message: /./, account: "ready" },
  { what: "gemini: 401", driver: "gemini", turn: geminiRow("gemini-err9401", 145), status: 503, code: "account_signed_out", message: ownKey, account: "signed-out", shouldRetry: "false" },
  { what: "gemini: 429", driver: "gemini", turn: geminiRow("gemini-err9429", 173), status: 429, code: "upstream_rate_limited", message: /rate limit/, account: "resting", retryAfter: [1, 10] },
  { what: "gemini: 500", driver: "gemini", turn: geminiRow("gemini-err9500", 244), status: 502, code: "upstream_error", message: /./, account: "ready" },
  { what: "gemini: nobody listens", driver: "gemini", turn: geminiRow("gemini-refused", 1), status: 502, code: "upstream_unreachable", message: /could not reach/, account: "ready" },
  { what: "gemini: no way to sign in", driver: "gemini", turn: { stderr: recordedError("gemini-envauth"), code: 41 }, status: 503, code: "account_signed_out", message: ownKey, account: "signed-out", shouldRetry: "false" },
  { what: "agy: an empty success", driver: "agy", turn: { lines: [agyResult({ status: "SUCCESS", response: "" })] }, status: 502, code: "upstream_bad_response", message: /without an answer/, account: "ready" },
  { what: "agy: cancelled by itself", driver: "agy", turn: { lines: [agyResult({ status: "CANCELED", response: "" })], code: 0 }, status: 502, code: "upstream_bad_response", message: /without an answer/, account: "ready" },
  { what: "agy: out of quota", driver: "agy", turn: { lines: [agyResult({ status: "ERROR", error: "You have exhausted your capacity on this model. Your quota will reset after 3h12m5s." })], code: 1 }, status: 429, code: "account_quota_exceeded", message: /plan limit/, account: "resting", retryAfter: [11_515, 11_525] },
  { what: "agy: signed out", driver: "agy", turn: { stderr: "Please sign in to continue.\n", code: 1 }, status: 503, code: "account_signed_out", message: ownKey, account: "signed-out", shouldRetry: "false" },
]; // prettier-ignore

const folder = temporaryFolder();
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});
afterAll(() => folder.remove());

/** Old enough for the one-shot way, whose recordings these are. */
const versions = { claude: "2.1.329", codex: "0.130.0", gemini: "0.40.0", agy: "1.2.0" } as const;
const protocols = { claude: "claude", codex: "once", gemini: "once", agy: "lines" } as const;

test.each(rows)("$what", async ({ what, driver, turn, status, code, message, account, retryAfter, shouldRetry }) => {
  const command = makeProgram(join(folder.path, what.replace(/\W+/g, "-")), driver, {
    version: versions[driver],
    protocol: protocols[driver],
    turns: [turn],
  });
  gateway = await startGateway({
    providers: {
      [driver]: {
        kind: "cli-process",
        command,
        models: ["m"],
        warm: 0,
        timeout_seconds: turn.hang && code === "upstream_timeout" ? 1 : 60,
        accounts: [{ name: "main" }],
      },
    },
  });
  const response = await gateway.post("/v1/chat/completions", {
    model: `${driver}/m`,
    messages: [{ role: "user", content: "hi" }],
  });
  const { error } = (await response.json()) as { error: { message: string; code: string | null } };
  expect({ status: response.status, message: error.message }).toEqual({
    status,
    message: expect.stringMatching(message),
  });
  expect(error.message).not.toMatch(/\/home\/|\/tmp\//);
  expect(response.headers.get("x-should-retry")).toBe(shouldRetry ?? null);
  if (retryAfter) {
    const seconds = Number(response.headers.get("retry-after"));
    expect(seconds).toBeGreaterThanOrEqual(retryAfter[0]);
    expect(seconds).toBeLessThanOrEqual(retryAfter[1]);
  }
  const health = (await (await gateway.get("/v1/health")).json()) as {
    providers: { name: string; accounts?: { state: string }[]; queue?: { active: number } }[];
  };
  const provider = health.providers.find(({ name }) => name === driver)!;
  expect(provider.accounts![0]!.state).toBe(account);
  expect(provider.queue).toEqual({ active: 0, waiting: 0 });
  await expect
    .poll(async () => (await gateway!.started.gateway.store.exchanges.list({ limit: 1 })).map((row) => row.error_code))
    .toEqual([code]);
});
