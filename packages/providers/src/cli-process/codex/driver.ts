import { dirname, join } from "node:path";
import { existsSync, readdirSync } from "node:fs";
import { checkSettings } from "../conversation/check-settings.ts";
import type { Driver } from "../driver.ts";
import { accountEnvironment, signIn } from "./account.ts";
import { title } from "./failures.ts";
import { refuseFiles } from "./files.ts";
import { oldest } from "./flags.ts";
import { createCodexProgram } from "./program.ts";

/** OpenAI's Codex, driven over its `app-server`. */
export const codex: Driver = {
  name: "codex",
  title,
  command: "codex",
  family: "openai",
  capabilities: {
    streamsDeltas: true,
    tools: "native",
    images: true,
    jsonSchema: true,
    samplingParameters: false,
    usage: "exact",
    sessions: true,
    quota: true,
    embeddings: false,
  },
  models: [],
  claims: () => false,
  oldest,
  install: "Get it with: npm install -g @openai/codex",
  launcher: nativeProgram,
  login: () => ({ args: ["login"], hint: "On a machine without a browser: sign in with a device code." }),
  logout: () => ["logout"],
  environment: accountEnvironment,
  signIn,
  check({ settings, toolChoice, messages }) {
    refuseFiles(messages);
    const missing = checkSettings(settings, title, ["reasoning"]);
    if (toolChoice && toolChoice.mode !== "auto" && toolChoice.mode !== "none") missing.push("tool_choice");
    if (settings.parallelToolCalls === false) missing.push("parallel_tool_calls");
    return missing;
  },
  connect: createCodexProgram,
};

/** npm installs a launcher that starts the program proper as its child, which outlives it when it is killed: the program itself is run. */
function nativeProgram(file: string): { command: string; leading: readonly string[] } | undefined {
  const scope = join(dirname(dirname(dirname(file))));
  if (!file.endsWith("codex.js") || !existsSync(scope)) return undefined;
  const wanted = `codex-${process.platform}-${process.arch}`;
  const vendors = [join(scope, wanted, "vendor"), join(dirname(dirname(file)), "vendor")].filter((path) =>
    existsSync(path),
  );
  for (const vendor of vendors) {
    for (const triple of readdirSync(vendor)) {
      for (const folder of ["bin", "codex"]) {
        const program = join(vendor, triple, folder, process.platform === "win32" ? "codex.exe" : "codex");
        if (existsSync(program)) return { command: program, leading: [] };
      }
    }
  }
  return undefined;
}
