import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { fixtures, sendJson, startUpstream } from "@trunkline/testkit";

const bin = join(import.meta.dirname, "../../apps/gateway/bin/trunkline.mjs");

/** A gateway in a process of its own, an upstream that answers at once, and a place for both. */
export async function createSite(options: { home?: string; providers?: Record<string, object> } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "trunkline-faults-"));
  const home = options.home ?? join(folder, "home");
  mkdirSync(home, { recursive: true });
  const upstream = await startUpstream((_request, response) =>
    sendJson(response, 200, fixtures["openai-chat"].text.json),
  );
  const provider = {
    preset: "openai",
    dialects: ["openai-chat"],
    base_url: `${upstream.origin}/v1`,
    api_key: "sk-up",
    models: ["m"],
  };
  writeFileSync(
    join(home, "trunkline.yaml"),
    JSON.stringify({ discover: false, providers: { up: provider, ...options.providers } }),
  );
  const environment = { PATH: process.env["PATH"]!, HOME: folder, TRUNKLINE_HOME: home, TRUNKLINE_PORT: "0" };
  let child: ChildProcess | undefined;
  let address = "";
  let key = "";

  async function start(through: readonly string[] = []): Promise<void> {
    const [program, ...args] = [...through, process.execPath, bin, "start", "--json"];
    child = spawn(program!, args, { env: environment, stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    for await (const chunk of child.stdout!) {
      said += String(chunk);
      if (said.trimEnd().endsWith("}")) break;
    }
    const started = JSON.parse(said) as { address: string; key: string | null };
    address = started.address;
    key = started.key ?? key;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  const site = {
    home,
    start,
    end,
    get address() {
      return address;
    },
    get key() {
      return key;
    },
    get pid() {
      return child!.pid!;
    },
    async trunkline(...args: string[]): Promise<string> {
      return (await promisify(execFile)(process.execPath, [bin, ...args], { env: environment, maxBuffer: 1e8 })).stdout;
    },
    async ask(): Promise<{ status: number; id: string }> {
      const answer = await fetch(`${address}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hello" }] }),
      });
      await answer.arrayBuffer();
      return { status: answer.status, id: answer.headers.get("x-request-id")! };
    },
    async health(): Promise<{ ledger: { queued: number; dropped: number }; status: string }> {
      const answer = await fetch(`${address}/v1/health`, { headers: { authorization: `Bearer ${key}` } });
      return (await answer.json()) as never;
    },
    /** Ids of the rows on disk. */
    rows(): string[] {
      const database = new DatabaseSync(join(home, "trunkline.db"), { readOnly: true });
      try {
        return (database.prepare("select id from exchanges").all() as { id: string }[]).map(({ id }) => id);
      } finally {
        database.close();
      }
    },
    rssMb(): number {
      return (Number(readFileSync(`/proc/${child!.pid}/statm`, "utf8").split(" ")[1]) * 4096) / 2 ** 20;
    },
    async close(): Promise<void> {
      await end("SIGKILL");
      await upstream.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return site;
}

/** What a scenario found, for a person to read. */
export type Figures = Readonly<Record<string, number | string>>;

export type Site = Awaited<ReturnType<typeof createSite>>;

/** Clients that ask one request after the other until they are stopped. What they see is theirs to keep. */
export function load(site: Site, clients: number, pauseMs = 0) {
  const answers: { status: number; id: string; at: number; ms: number }[] = [];
  let broken = 0;
  let stop = false;
  const running = Array.from({ length: clients }, async () => {
    while (!stop) {
      const from = performance.now();
      const answer = await site.ask().catch(() => undefined);
      if (answer) answers.push({ ...answer, at: from, ms: performance.now() - from });
      if (pauseMs > 0) await wait(pauseMs);
      if (!answer) {
        broken++;
        await wait(5);
      }
    }
  });
  return {
    answers,
    broken: () => broken,
    async stop() {
      stop = true;
      await Promise.all(running);
    },
  };
}

export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
}

/** Looks again until it is true. */
export async function until(look: () => boolean | Promise<boolean>, what: string, tries = 1200): Promise<void> {
  for (let attempt = 0; attempt < tries; attempt++) {
    if (await look()) return;
    await wait(50);
  }
  throw new Error(`never came about: ${what}`);
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
