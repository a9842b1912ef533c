import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installPythonSdks } from "./python-sdks.ts";
import { startSurface } from "./surface.ts";

const run = promisify(execFile);
let python: string;
let surface: Awaited<ReturnType<typeof startSurface>>;

beforeAll(async () => {
  python = await installPythonSdks();
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
