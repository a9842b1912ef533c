import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** The vendors' own programs, at the versions tested. */
export const versions = {
  claude: { name: "Claude Code", npm: "@anthropic-ai/claude-code", version: "2.1.329" },
  codex: { name: "Codex", npm: "@openai/codex", version: "0.169.0" },
  gemini: { name: "Gemini CLI", npm: "@google/gemini-cli", version: "0.61.0" },
} as const;

export type AgentName = keyof typeof versions;
export const agentNames = Object.keys(versions) as AgentName[];

const run = promisify(execFile);
const folder = join(import.meta.dirname, "../../../../.cache/agents");

/** Installs the programs beside each other, kept between runs. Test files that run at the same time wait for each other. */
export async function installAgents(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, "lock");
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch {
      if (!isHeld(lock)) rmSync(lock, { force: true });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    await install();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isHeld(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, "utf8")), 0);
    return true;
  } catch {
    return false;
  }
}

async function install(): Promise<void> {
  const wanted = JSON.stringify({
    private: true,
    dependencies: Object.fromEntries(Object.values(versions).map(({ npm, version }) => [npm, version])),
  });
  const stamp = join(folder, "installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  writeFileSync(join(folder, "package.json"), wanted);
  await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
  writeFileSync(stamp, wanted);
}

export type Turn = {
  readonly origin: string;
  readonly key: string;
  readonly model: string;
  readonly prompt: string;
  /** Empty, and the agent's alone. */
  readonly home: string;
  /** Where it works. */
  readonly workplace: string;
};

type Prepared = { readonly args: readonly string[]; readonly environment: Record<string, string> };

const prepare: Readonly<Record<AgentName, (turn: Turn) => Prepared>> = {
  claude: ({ origin, key, model, prompt }) => ({
    args: ["-p", prompt, "--output-format", "stream-json", "--verbose", "--allowedTools", "Read"],
    environment: {
      ANTHROPIC_BASE_URL: origin,
      ANTHROPIC_AUTH_TOKEN: key,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_SMALL_FAST_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
    },
  }),
  codex({ origin, key, model, prompt, home }) {
    mkdirSync(join(home, ".codex"), { recursive: true });
    writeFileSync(
      join(home, ".codex", "config.toml"),
      `model = "${model}"
model_provider = "trunkline"
check_for_update_on_startup = false
[model_providers.trunkline]
name = "Trunkline"
base_url = "${origin}/v1"
env_key = "TRUNKLINE_KEY"
wire_api = "responses"
`,
    );
    return {
      args: [
        "exec",
        "--json",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        "--disable",
        "apps",
        "--disable",
        "plugins",
        prompt,
      ],
      environment: { TRUNKLINE_KEY: key },
    };
  },
  gemini({ origin, key, model, prompt, home }) {
    mkdirSync(join(home, ".gemini"), { recursive: true });
    writeFileSync(
      join(home, ".gemini", "settings.json"),
      JSON.stringify({
        security: { auth: { selectedType: "gemini-api-key" } },
        privacy: { usageStatisticsEnabled: false },
        general: { disableAutoUpdate: true, enableAutoUpdate: false },
      }),
    );
    return {
      args: ["-p", prompt, "-m", model, "-o", "stream-json", "--skip-trust", "-e", "none", "--approval-mode", "yolo"],
      environment: { GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: origin, GEMINI_CLI_NO_RELAUNCH: "true" },
    };
  },
};

/** One turn of an agent in a home of its own. Returns all it printed; rejects when it fails. */
export async function takeTurn(agent: AgentName, turn: Turn): Promise<string> {
  const { args, environment } = prepare[agent](turn);
  const running = run(join(folder, "node_modules", ".bin", agent), [...args], {
    cwd: turn.workplace,
    maxBuffer: 64 * 1024 * 1024,
    env: { PATH: process.env["PATH"], HOME: turn.home, NO_COLOR: "1", ...environment },
  });
  running.child.stdin?.end();
  return (await running).stdout;
}
