import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newWebhookSecret, signedHeaders } from "../src/webhooks/signature.ts";

const examples = join(import.meta.dirname, "../../../examples/webhooks");
const now = 1_760_000_000;
const [secret, next] = [newWebhookSecret(), newWebhookSecret()];
const body = '{"type":"task.succeeded","data":{"text":"ü € 😀"}}';
const headers = signedHeaders([secret], "task_1", now, body);

/** What a receiver is sent, and whether it should believe it. */
const cases: {
  name: string;
  expected: boolean;
  given: { secret: string; headers: Record<string, string>; body: string; now: number };
}[] = [
  { name: "genuine", expected: true, given: { secret, headers, body, now } },
  {
    name: "signed with two secrets, the second is known",
    expected: true,
    given: { secret, headers: signedHeaders([next, secret], "task_1", now, body), body, now },
  },
  { name: "another secret", expected: false, given: { secret: next, headers, body, now } },
  { name: "a changed body", expected: false, given: { secret, headers, body: body.replace("ü", "u"), now } },
  {
    name: "another id",
    expected: false,
    given: { secret, headers: { ...headers, "webhook-id": "task_2" }, body, now },
  },
  {
    name: "another time",
    expected: false,
    given: { secret, headers: { ...headers, "webhook-timestamp": String(now + 1) }, body, now },
  },
  { name: "sent again after ten minutes", expected: false, given: { secret, headers, body, now: now + 600 } },
  {
    name: "no time at all",
    expected: false,
    given: { secret, headers: { ...headers, "webhook-timestamp": "soon" }, body, now },
  },
  {
    name: "no signature",
    expected: false,
    given: { secret, headers: { ...headers, "webhook-signature": "" }, body, now },
  },
  {
    name: "a signature of another kind",
    expected: false,
    given: {
      secret,
      headers: { ...headers, "webhook-signature": headers["webhook-signature"]!.replace("v1,", "v2,") },
      body,
      now,
    },
  },
];
const wanted = cases.map(({ name, expected }) => [name, expected]);
const input = JSON.stringify(cases.map(({ given }) => given));
const judged = (lines: string) =>
  lines
    .trim()
    .split("\n")
    .map((line, index) => [cases[index]!.name, line === "true"]);

describe("the examples believe what is genuine and nothing else:", () => {
  test("JavaScript", async () => {
    const { isGenuine } = (await import(join(examples, "verify.mjs"))) as {
      isGenuine(secret: string, headers: Record<string, string>, body: string, now: number): boolean;
    };
    expect(
      cases.map(({ name, given }) => [name, isGenuine(given.secret, given.headers, given.body, given.now)]),
    ).toEqual(wanted);
  });

  test("Python", () => {
    const script = join(import.meta.dirname, "verify/cases.py");
    expect(
      judged(
        execFileSync("python3", [script, examples], {
          input,
          encoding: "utf8",
          env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
        }),
      ),
    ).toEqual(wanted);
  });

  // The one toolchain that is not installed for the sake of a test.
  test.skipIf(spawnSync("go", ["version"]).status !== 0)("Go", () => {
    const folder = mkdtempSync(join(tmpdir(), "trunkline-go-"));
    try {
      cpSync(join(examples, "verify.go"), join(folder, "verify.go"));
      cpSync(join(import.meta.dirname, "verify/main.go"), join(folder, "main.go"));
      const environment = { ...process.env, GOCACHE: join(folder, "cache"), GO111MODULE: "off", GOFLAGS: "" };
      const lines = execFileSync("go", ["run", "main.go", "verify.go"], {
        cwd: folder,
        input,
        encoding: "utf8",
        env: environment,
      });
      expect(judged(lines)).toEqual(wanted);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.each(["verify.mjs", "verify.py", "verify.go"])("the guide shows %s as it is", (name) => {
    const guide = readFileSync(join(examples, "../../docs/guides/tasks.md"), "utf8");
    expect(guide).toContain(readFileSync(join(examples, name), "utf8").trim());
  });
});
