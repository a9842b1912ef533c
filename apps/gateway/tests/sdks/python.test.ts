import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSurface } from "./surface.ts";

const run = promisify(execFile);
const requirements = ["openai==3.54.0", "anthropic==2.12.0"];
const folder = join(import.meta.dirname, "../../../../.cache/python-sdks");
const python = join(folder, "bin/python");
let surface: Awaited<ReturnType<typeof startSurface>>;

/** The SDKs in a virtual environment of their own, kept between runs. */
async function install(): Promise<void> {
  const stamp = join(folder, "installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === requirements.join("\n")) return;
  mkdirSync(folder, { recursive: true });
  await run("python3", ["-m", "venv", folder]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements]);
  writeFileSync(stamp, requirements.join("\n"));
}

beforeAll(async () => {
  await install();
  surface = await startSurface();
});
afterAll(() => surface?.close());

test.each(["openai_sdk.py", "anthropic_sdk.py"])("%s", async (script) => {
  const narrow = await surface.gateway.makeKey({ name: `narrow ${script}`, models: ["gpt-*"] });
  const { stdout } = await run(python, [join(import.meta.dirname, script)], {
    env: {
      PATH: process.env["PATH"],
      GATEWAY: surface.gateway.origin,
      KEY: surface.gateway.key,
      NARROW_KEY: narrow.secret,
    },
  });
  expect(stdout.trim().split("\n").at(-1)).toBe("all passed");
});
