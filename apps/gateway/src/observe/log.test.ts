import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLog } from "./log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-log-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

test("closing waits until the file is open and everything is in it, without what looks like a credential", async () => {
  const file = join(folder, "logs", "a.log");
  const { log, close } = createLog({ level: "info", file, terminal: false });
  log.info({ api_key: "plain" }, "used sk-abcdefghijkl and Bearer abcdefghijkl");
  await close();
  const written = readFileSync(file, "utf8");
  expect(JSON.parse(written)).toMatchObject({ api_key: "[redacted]", msg: "used [redacted] and [redacted]" });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a log that cannot be opened is said once and ends nothing", async () => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  // A folder stands where the file should.
  const { log, close } = createLog({ level: "info", file: folder, terminal: false });
  log.info("one");
  log.info("two");
  await close();
  expect(
    said.mock.calls.map(([text]) => String(text)).filter((text) => text.includes("the log cannot be written")),
  ).toHaveLength(1);
});
