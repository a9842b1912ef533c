import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cache, cpuTime, family, firstMatch, measured, residentMb, root, start, stop } from "./processes.ts";
import { writeRequest, type Work } from "./works.ts";

/** Something that takes a client's request and asks the upstream. */
export type Server = {
  readonly name: string;
  readonly port: number;
  cpuNs(): number;
  rssMb(): number;
  /** A file with the request as this server wants it. */
  request(work: Work): string;
  stop(): Promise<void>;
};

const entry = join(root, "apps", "gateway", "bin", "trunkline.mjs");

function server(
  name: string,
  port: number,
  child: ReturnType<typeof start>,
  ask: (work: Work) => { path: string; headers: Record<string, string>; body?: string },
  clean = () => {},
): Server {
  const pids = family(child.pid!);
  return {
    name,
    port,
    cpuNs: () => cpuTime(pids),
    rssMb: () => residentMb(pids),
    request(work) {
      const { path, headers, body } = ask(work);
      return writeRequest(
        `${name}-${work.answer}-${work.dialect}-${work.body.length}.http`,
        port,
        path,
        headers,
        body ?? work.body,
      );
    },
    async stop() {
      await stop(child);
      clean();
    },
  };
}

const direct = (work: Work) => ({ path: `/${work.answer}/v1/chat/completions`, headers: {} });

/** The upstream itself: what the load and the loopback take. */
export function startDirect(child: ReturnType<typeof start>, port: number): Server {
  return server("direct", port, child, direct);
}

export async function startFloor(upstream: number): Promise<Server> {
  const child = start(measured, process.execPath, [join(import.meta.dirname, "floor.ts"), String(upstream)]);
  const [port] = await firstMatch(child, /\d+\n/);
  return server("floor", Number(port), child, direct);
}

export type OursOptions = {
  /** Routes, limits, budgets and the cache too. */
  readonly isFull?: boolean;
  /** Where traces are sent; nothing is traced when absent. */
  readonly collector?: string;
  readonly workers?: number;
  readonly profile?: string;
  readonly cpu?: number | undefined;
};

/** What a team's gateway has on: a route with a stand-in, limits and a budget for the key and its user, the cache. */
const everything = {
  routes: [
    { pattern: "other-*", targets: ["whole/x"] },
    { pattern: "bench-*", strategy: "priority", targets: ["whole/bench-*", "burst/bench-*"] },
  ],
  limits: [{ user: "*", budgets: [{ usd: 1_000_000, per: "month" }] }],
  prices: [{ provider: "whole", model: "*", input: 1, output: 1 }],
  cache: { enabled: true },
};
const limited = ["--user", "somebody", "--tpm", "1000000000", "--concurrent", "100000", "--budget", "1000000/day"];

/** The gateway as a person starts it: ledger, key look-up, a limit on the key, log and metrics on. */
export async function startOurs(upstream: number, options: OursOptions = {}): Promise<Server> {
  const home = mkdtempSync(join(tmpdir(), "trunkline-bench-"));
  const providers = Object.fromEntries(
    ["whole", "burst", "slow", "fast"].map((answer) => [
      answer,
      {
        preset: "openai",
        dialects: ["openai-chat"],
        base_url: `http://127.0.0.1:${upstream}/${answer}/v1`,
        api_key: "sk-upstream-dummy",
        models: [`bench-${answer}`],
      },
    ]),
  );
  const config = {
    discover: false,
    server: { port: 0 },
    providers,
    ...(options.isFull ? everything : {}),
    ...(options.collector === undefined ? {} : { telemetry: { otlp_endpoint: options.collector } }),
  };
  writeFileSync(join(home, "trunkline.yaml"), JSON.stringify(config));
  // As `npm start` and `trunkline start -d` have it.
  const env = { MALLOC_ARENA_MAX: "1", ...process.env, TRUNKLINE_HOME: home, NO_COLOR: "1" };
  const made = await promisify(execFile)(
    process.execPath,
    [entry, "keys", "create", "--name", "bench", "--rpm", "1000000000", "--json", ...(options.isFull ? limited : [])],
    { env },
  );
  const { key } = JSON.parse(made.stdout) as { key: string };
  const args = options.profile ? ["--cpu-prof", `--cpu-prof-dir=${options.profile}`] : [];
  const workers = options.workers ? ["--workers", String(options.workers)] : [];
  const cpu = "cpu" in options ? options.cpu : measured;
  const child = start(cpu, process.execPath, [...args, entry, "start", "--json", ...workers], { env });
  const [, port] = await firstMatch(child, /"address":\s*"http:\/\/127\.0\.0\.1:(\d+)"/);
  const ask = (work: Work): { path: string; headers: Record<string, string> } =>
    work.dialect === "anthropic-messages"
      ? { path: "/v1/messages", headers: { "x-api-key": key, "anthropic-version": "2023-06-01" } }
      : { path: "/v1/chat/completions", headers: { authorization: `Bearer ${key}` } };
  return server(
    options.workers
      ? `ours-${options.workers}`
      : options.isFull
        ? "ours-full"
        : options.collector === undefined
          ? "ours"
          : "ours-traced",
    Number(port),
    child,
    ask,
    () => rmSync(home, { recursive: true, force: true }),
  );
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Asks until the port takes connections. */
async function listening(port: number, tries = 600): Promise<void> {
  for (let attempt = 0; attempt < tries; attempt++) {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`nothing listens on ${port}`);
}

/** nginx as a reverse proxy with kept-alive upstream connections; undefined where it is not installed. */
export async function startNginx(upstream: number): Promise<Server | undefined> {
  const program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"].find((path) =>
    existsSync(path),
  );
  if (!program) return undefined;
  const port = await freePort();
  const folder = join(cache, "nginx");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
${process.getuid?.() === 0 ? "user root;" : ""}
events { worker_connections 4096; }
http {
  access_log off; client_max_body_size 64m; client_body_buffer_size 1m; keepalive_requests 100000000;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")}
  upstream model { server 127.0.0.1:${upstream}; keepalive 512; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port} backlog=1024;
    location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } }
}
`,
  );
  const child = start(measured, program, ["-c", file, "-p", folder, "-e", `${folder}/error.log`]);
  await listening(port);
  return server("nginx", port, child, direct);
}

/** Versions of its own lock file: with newer ones of Hono every stream is answered 500. */
const portkeyPackage = {
  private: true,
  dependencies: { "@portkey-ai/gateway": "1.15.2" },
  overrides: { hono: "4.9.7", "@hono/node-server": "1.13.5" },
};

const litellmVersion = "1.106.2";

/** Portkey's gateway, from npm; undefined where it cannot be installed. */
export async function startPortkey(upstream: number): Promise<Server | undefined> {
  const folder = join(cache, "portkey");
  const program = join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify(portkeyPackage));
    const installed = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], {
      cwd: folder,
      stdio: "ignore",
    });
    if (installed.status !== 0) return undefined;
  }
  const port = await freePort();
  const child = start(measured, process.execPath, [program, `--port=${port}`, "--headless"], {
    cwd: folder,
    quiet: true,
  });
  child.stdout!.resume();
  await listening(port);
  return server("portkey", port, child, (work) => ({
    path: "/v1/chat/completions",
    headers: {
      authorization: "Bearer sk-upstream-dummy",
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${upstream}/${work.answer}/v1`,
    },
  }));
}

/** LiteLLM's proxy from PyPI, in a virtual environment of its own; undefined where it cannot be installed. */
export async function startLitellm(upstream: number): Promise<Server | undefined> {
  const folder = join(cache, "litellm");
  const program = join(folder, "bin", "litellm");
  if (!existsSync(program)) {
    console.log("Installing LiteLLM, once …");
    const run = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: "ignore" }).status === 0;
    const pip = join(folder, "bin", "pip");
    if (!run("python3", "-m", "venv", folder) || !run(pip, "install", "-q", `litellm[proxy]==${litellmVersion}`))
      return undefined;
  }
  const config = join(cache, "litellm.json");
  const models = ["whole", "burst"].map((answer) => ({
    model_name: `bench-${answer}`,
    litellm_params: {
      model: `openai/bench-${answer}`,
      api_base: `http://127.0.0.1:${upstream}/${answer}/v1`,
      api_key: "sk-upstream-dummy",
    },
  }));
  writeFileSync(config, JSON.stringify({ model_list: models, general_settings: { master_key: "sk-bench" } }));
  const port = await freePort();
  const child = start(measured, program, ["--config", config, "--port", String(port), "--host", "127.0.0.1"], {
    quiet: true,
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: "True", LITELLM_LOG: "ERROR", LITELLM_TELEMETRY: "False" },
  });
  child.stdout!.resume();
  await listening(port);
  return server("litellm", port, child, () => ({
    path: "/v1/chat/completions",
    headers: { authorization: "Bearer sk-bench" },
  }));
}
