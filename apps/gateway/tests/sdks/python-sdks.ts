import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const requirements = ["openai==3.54.0", "anthropic==2.12.0", "websockets==17.4"];
const folder = join(import.meta.dirname, "../../../../.cache/python-sdks");
const python = join(folder, "bin/python");
const stamp = join(folder, "installed");
const isInstalled = () => existsSync(stamp) && readFileSync(stamp, "utf8") === requirements.join("\n");

/** Vendors' SDKs in a virtual environment of their own, kept between runs; the path of its Python. Of suites that come at once, one installs. */
export async function installPythonSdks(): Promise<string> {
  const lock = join(folder, "installing");
  mkdirSync(folder, { recursive: true });
  while (!isInstalled()) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
    } catch {
      const holder = Number(readFileSync(lock, { encoding: "utf8", flag: "a+" }));
      // Left behind by a run that was broken off.
      if (!existsSync(`/proc/${holder}`)) rmSync(lock, { force: true });
      await wait(200);
      continue;
    }
    try {
      await run("python3", ["-m", "venv", folder]);
      await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements]);
      writeFileSync(stamp, requirements.join("\n"));
    } finally {
      rmSync(lock, { force: true });
    }
  }
  return python;
}
