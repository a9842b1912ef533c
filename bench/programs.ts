import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fixtures, sendSse, startUpstream } from "@trunkline/testkit";
import { modelOf, programNames, providerFor, type ProgramName } from "../apps/gateway/tests/programs/programs.ts";
import { installAgents } from "../apps/gateway/tests/agents/agents.ts";
import { createSite, type Site } from "../tests/faults/gateway.ts";
import { median } from "./measure.ts";

/**
 * Milliseconds from a turn's last byte in to the answer's first word out, of a conversation that goes on: the program driven by hand, as
 * simply as it can be, and through the gateway. Both against an upstream that answers at once, in turn, so that both see the same machine.
 */

const turns = 30;
const warmUp = 5;
/** Requests to `trunkline/echo` before: a gateway just started still runs code that its engine has not compiled. */
const runIn = 1000;
const agents = join(import.meta.dirname, "../.cache/agents/node_modules");

type ByHand = { ask(text: string): Promise<number>; stop(): void };

/** A program's process, its lines, and a way to wait for the first one that is wanted. */
function start(command: string, args: readonly string[], environment: Record<string, string>) {
  const child = spawn(command, [...args], {
    env: { PATH: process.env["PATH"]!, ...environment },
    cwd: environment["HOME"]!,
  });
  let waiting: { matches: (line: string) => boolean; resolve: (line: string) => void } | undefined;
  /** Lines nobody has asked for yet: several come at once. */
  let unread: string[] = [];
  function look(): void {
    const at = waiting ? unread.findIndex(waiting.matches) : -1;
    if (at < 0) return;
    const line = unread[at]!;
    unread = unread.slice(at + 1);
    const { resolve } = waiting!;
    waiting = undefined;
    resolve(line);
  }
  createInterface({ input: child.stdout }).on("line", (line) => {
    unread.push(line);
    look();
  });
  return {
    write: (message: object) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    next: (matches: (line: string) => boolean) =>
      new Promise<string>((resolve) => {
        waiting = { matches, resolve };
        look();
      }),
    stop: () => void child.kill("SIGKILL"),
  };
}

type Started = ReturnType<typeof start>;

async function timed(
  program: Started,
  message: object,
  first: (line: string) => boolean,
  last: (line: string) => boolean,
) {
  const from = performance.now();
  program.write(message);
  await program.next(first);
  const ms = performance.now() - from;
  await program.next(last);
  return ms;
}

const byHand: Readonly<Record<ProgramName, (upstream: string, home: string) => Promise<ByHand>>> = {
  async claude(upstream, home) {
    const program = start(
      join(agents, ".bin/claude"),
      ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose", "--include-partial-messages", "--model", modelOf.claude, "--tools", "", "--system-prompt", "x", "--strict-mcp-config", "--setting-sources", "", "--disable-slash-commands", "--no-session-persistence"],
      { HOME: home, ANTHROPIC_BASE_URL: upstream, ANTHROPIC_API_KEY: "dummy", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" },
    ); // prettier-ignore
    return {
      ask: (text) =>
        timed(
          program,
          { type: "user", message: { role: "user", content: [{ type: "text", text }] } },
          (line) => line.includes('"text_delta"'),
          (line) => line.includes('"duration_api_ms"'),
        ),
      stop: program.stop,
    };
  },
  async codex(upstream, home) {
    mkdirSync(join(home, ".codex"), { recursive: true });
    const provider = `model_providers.scripted={name="scripted",base_url="${upstream}/v1",env_key="SCRIPTED_KEY",wire_api="responses"}`;
    const quiet = ["analytics.enabled=false", "check_for_update_on_startup=false", "features.apps=false", "features.plugins=false", "project_doc_max_bytes=0", "model_provider=scripted", provider]; // prettier-ignore
    const native = join(agents, "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex");
    const program = start(native, ["app-server", ...quiet.flatMap((setting) => ["-c", setting])], {
      HOME: home,
      CODEX_HOME: join(home, ".codex"),
      SCRIPTED_KEY: "dummy",
    });
    const call = async (id: number, method: string, params: object) => {
      program.write({ id, method, params });
      return JSON.parse(await program.next((line) => line.startsWith(`{"id":${id},`))) as {
        result: { thread: { id: string } };
      };
    };
    await call(1, "initialize", { clientInfo: { name: "bench", version: "0" } });
    program.write({ method: "initialized" });
    const { result } = await call(2, "thread/start", { model: modelOf.codex, cwd: home, approvalPolicy: "never", sandbox: "read-only", ephemeral: true, baseInstructions: "x" }); // prettier-ignore
    let id = 2;
    return {
      ask: (text) =>
        timed(
          program,
          {
            id: ++id,
            method: "turn/start",
            params: { threadId: result.thread.id, input: [{ type: "text", text, text_elements: [] }] },
          },
          (line) => line.includes("item/agentMessage/delta"),
          (line) => line.includes("turn/completed"),
        ),
      stop: program.stop,
    };
  },
  async gemini(upstream, home) {
    mkdirSync(join(home, ".gemini"), { recursive: true });
    const settings = { security: { auth: { selectedType: "gemini-api-key" } }, tools: { core: ["none"] }, privacy: { usageStatisticsEnabled: false }, general: { enableAutoUpdate: false }, context: { fileName: ["NONE.md"] } }; // prettier-ignore
    writeFileSync(join(home, ".gemini/settings.json"), JSON.stringify(settings));
    const script = realpathSync(join(agents, ".bin/gemini"));
    const program = start(process.execPath, [script, "--acp", "--skip-trust", "-m", modelOf.gemini, "-e", "none"], {
      HOME: home,
      GEMINI_API_KEY: "dummy",
      GOOGLE_GEMINI_BASE_URL: upstream,
      GEMINI_CLI_NO_RELAUNCH: "true",
    });
    const call = async (id: number, method: string, params: object) => {
      program.write({ jsonrpc: "2.0", id, method, params });
      return JSON.parse(await program.next((line) => line.includes(`"id":${id},`))) as {
        result: { sessionId: string };
      };
    };
    await call(1, "initialize", { protocolVersion: 1, clientCapabilities: {} });
    const { result } = await call(2, "session/new", { cwd: home, mcpServers: [] });
    let id = 2;
    return {
      ask: (text) => {
        const wanted = ++id;
        return timed(
          program,
          {
            jsonrpc: "2.0",
            id: wanted,
            method: "session/prompt",
            params: { sessionId: result.sessionId, prompt: [{ type: "text", text }] },
          },
          (line) => line.includes("agent_message_chunk"),
          (line) => line.includes(`"id":${wanted},`),
        );
      },
      stop: program.stop,
    };
  },
};

type Message = { readonly role: string; readonly content: string };

const agent = new Agent({ keepAlive: true });

/** One streamed answer: milliseconds to its first word, and all of its text. */
function ask(site: Site, model: string, messages: readonly Message[]): Promise<{ ms: number; text: string }> {
  const body = JSON.stringify({ model, stream: true, messages });
  return new Promise((resolve, reject) => {
    const from = performance.now();
    const asked = request(`${site.address}/v1/chat/completions`, {
      method: "POST",
      agent,
      headers: {
        authorization: `Bearer ${site.key}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      },
    });
    asked.on("error", reject);
    asked.on("response", (response) => {
      let ms = 0;
      let bytes = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        bytes += chunk;
        if (ms === 0 && /"content":"[^"]/.test(bytes)) ms = performance.now() - from;
      });
      response.on("end", () => {
        const pieces = [...bytes.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)];
        if (ms === 0) reject(new Error(`no answer: ${bytes.slice(0, 300)}`));
        else resolve({ ms, text: pieces.map(([, piece]) => JSON.parse(piece!) as string).join("") });
      });
    });
    asked.end(body);
  });
}

export async function measurePrograms(): Promise<Record<string, Record<string, number>>> {
  await installAgents();
  const upstream = await startUpstream(({ dialect }, response) =>
    dialect ? sendSse(response, fixtures[dialect].text.sse) : void response.writeHead(404).end("{}"),
  );
  const folder = mkdtempSync(join(tmpdir(), "trunkline-bench-programs-"));
  const results: Record<string, Record<string, number>> = {};
  try {
    for (const program of programNames) {
      const home = join(folder, program);
      mkdirSync(home);
      const hand = await byHand[program](upstream.origin, home);
      const site = await createSite({ providers: { [program]: providerFor(program, upstream.origin) } });
      await site.start();
      const model = `${program}/${modelOf[program]}`;
      const times = { hand: [] as number[], continued: [] as number[], fresh: [] as number[], echo: [] as number[] };
      for (let turn = 0; turn < runIn; turn++) await ask(site, "trunkline/echo", [{ role: "user", content: "x" }]);
      let messages: Message[] = [{ role: "system", content: "x" }];
      for (let turn = -warmUp; turn < turns; turn++) {
        const text = `turn ${turn}`;
        const alone = await hand.ask(text);
        messages = [...messages, { role: "user", content: text }];
        const through = await ask(site, model, messages);
        messages = [...messages, { role: "assistant", content: through.text }];
        if (turn < 0) continue;
        // What the way through the gateway takes with nothing behind it, after the same pause.
        times.echo.push((await ask(site, "trunkline/echo", messages)).ms);
        times.hand.push(alone);
        times.continued.push(through.ms);
      }
      for (let turn = -2; turn < 8; turn++) {
        const { ms } = await ask(site, model, [{ role: "user", content: `begin ${turn}` }]);
        if (turn >= 0) times.fresh.push(ms);
        // The process for the next conversation has its own time to start.
        await new Promise((resolve) => setTimeout(resolve, 1500));
      }
      hand.stop();
      await site.end("SIGTERM");
      await site.close();
      results[program] = {
        by_hand_ms: median(times.hand),
        continued_ms: median(times.continued),
        continued_ratio: median(times.continued) / median(times.hand),
        gateway_alone_ms: median(times.echo),
        new_conversation_ms: median(times.fresh),
      };
    }
  } finally {
    await upstream.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
  return results;
}
