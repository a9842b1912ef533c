import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createRandom, type Random } from "./random.ts";
import { firstMatch, root, start, stop } from "./processes.ts";

// Three upstreams that fail in turns and in eight ways, ten thousand requests, and what somebody who knew beforehand would have got.

const entry = join(root, "apps", "gateway", "bin", "trunkline.mjs");
const names = ["one", "two", "three"] as const;
type Name = (typeof names)[number];

/** Milliseconds an upstream takes to answer, and lengths of its good and bad times. */
const answerMs = 10;
const goodMs = [800, 4000] as const;
const badMs = [200, 1500] as const;

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const opening = chunk({ role: "assistant", content: "" });
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const whole = JSON.stringify({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "All good things." }, finish_reason: "stop" }],
  usage,
});
const last = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage })}\n\ndata: [DONE]\n\n`;

type Asked = { readonly id: string; readonly upstream: Name; saidSomething: boolean; isWhole: boolean };
type Way = (response: ServerResponse, stream: boolean, asked: Asked) => void;

function fail(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(JSON.stringify({ error: { message: code, type: code, code } }));
}

function streamHead(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

/** The eight ways. */
const ways: Readonly<Record<string, Way>> = {
  broken: (response) => fail(response, 500, "server_error"),
  overloaded: (response) => fail(response, 529, "overloaded_error"),
  limited: (response) => fail(response, 429, "rate_limit_error", { "retry-after": "1" }),
  refused: (response) => fail(response, 401, "invalid_api_key"),
  reset: (response) => response.destroy(),
  silent: () => {},
  empty(response, stream) {
    if (!stream) return void response.writeHead(200, { "content-type": "application/json" }).end('{"id":"c","choi');
    streamHead(response);
    response.end(opening);
  },
  middle(response, stream, asked) {
    asked.saidSomething = stream;
    if (stream) {
      streamHead(response);
      response.write(opening + chunk({ content: "All good" }), () => response.destroy());
      return;
    }
    response.writeHead(200, { "content-type": "application/json", "content-length": String(whole.length) });
    response.write(whole.slice(0, 60), () => response.destroy());
  },
};

function answer(response: ServerResponse, stream: boolean, asked: Asked): void {
  asked.saidSomething = asked.isWhole = true;
  if (!stream) return void response.writeHead(200, { "content-type": "application/json" }).end(whole);
  streamHead(response);
  response.end(opening + chunk({ content: "All good things." }) + chunk({}, "stop") + last);
}

/** One upstream's times, good and bad, from its own seed. */
function schedule(random: Random, totalMs: number): (at: number) => Way | undefined {
  const turns: { until: number; way: Way | undefined }[] = [];
  const all = Object.values(ways);
  for (let at = 0, isGood = true; at < totalMs; isGood = !isGood) {
    const [least, most] = isGood ? goodMs : badMs;
    at += least + random() * (most - least);
    turns.push({ until: at, way: isGood ? undefined : all[Math.floor(random() * all.length)] });
  }
  return (at) => turns.find(({ until }) => at < until)?.way;
}

async function startUpstream(name: Name, wayAt: () => Way | undefined, log: Asked[]): Promise<Server> {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece: Buffer) => (text += piece.toString()));
    request.on("end", () => {
      const isWell = wayAt() === undefined;
      // The question whether it is well again.
      if (request.method === "GET")
        return void (isWell ? response.end('{"object":"list","data":[]}') : fail(response, 500, "server_error"));
      const { stream = false, user } = JSON.parse(text) as { stream?: boolean; user: string };
      const asked: Asked = { id: user, upstream: name, saidSomething: false, isWhole: false };
      log.push(asked);
      const way = wayAt();
      setTimeout(() => (way ?? answer)(response, stream, asked), answerMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function startGateway(
  ports: readonly number[],
): Promise<{ address: string; key: string; stop(): Promise<void> }> {
  const home = mkdtempSync(join(tmpdir(), "trunkline-chaos-"));
  const providers = Object.fromEntries(
    names.map((name, index) => [
      name,
      {
        preset: "openai",
        dialects: ["openai-chat"],
        base_url: `http://127.0.0.1:${ports[index]}/v1`,
        api_key: "sk-dummy",
        models: ["m"],
        timeouts: { first_byte_seconds: 1, idle_seconds: 1 },
      },
    ]),
  );
  const config = {
    discover: false,
    server: { port: 0 },
    providers,
    routes: [{ pattern: "any", targets: names.map((name) => `${name}/m`) }],
    prices: names.map((provider) => ({ provider, model: "*", input: 1, output: 1 })),
    limits: [{ provider: "*", concurrent: 10_000 }],
  };
  writeFileSync(join(home, "trunkline.yaml"), JSON.stringify(config));
  const env = { ...process.env, TRUNKLINE_HOME: home, NO_COLOR: "1" };
  const limits = ["--concurrent", "10000", "--budget", "1000/day"];
  const made = await promisify(execFile)(
    process.execPath,
    [entry, "keys", "create", "--name", "chaos", ...limits, "--json"],
    { env },
  );
  const child = start(undefined, process.execPath, [entry, "start", "--json"], { env });
  const [, address] = await firstMatch(child, /"address":\s*"(http:[^"]+)"/);
  return {
    address: address!,
    key: (JSON.parse(made.stdout) as { key: string }).key,
    async stop() {
      await stop(child);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Whether a client got a whole answer. */
async function ask(address: string, key: string, id: string, stream: boolean): Promise<boolean> {
  try {
    const response = await fetch(`${address}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: "any", stream, user: id, messages: [{ role: "user", content: "Hello" }] }),
    });
    const text = await response.text();
    return (
      response.ok &&
      (stream
        ? text.includes("[DONE]") && !text.includes('"error"')
        : text === whole.replace('"model":"m"', '"model":"any"'))
    );
  } catch {
    return false;
  }
}

type Health = {
  active: number;
  ledger: { queued: number };
  limits: { limit: string; subject: string; used: string }[];
};

/** One run. `requests` come at random moments, `rate` of them a second; every second one streams. */
export async function measureChaos({ requests, rate, seed }: { requests: number; rate: number; seed: number }) {
  const random = createRandom(seed);
  const log: Asked[] = [];
  const totalMs = (requests / rate) * 1000 + 10_000;
  let began = Number.POSITIVE_INFINITY;
  const now = () => performance.now() - began;
  const schedules = names.map(() => schedule(random, totalMs));
  const servers = await Promise.all(
    names.map((name, index) => startUpstream(name, () => schedules[index]!(now()), log)),
  );
  const gateway = await startGateway(servers.map((server) => (server.address() as AddressInfo).port));
  // A first request, so that what is measured is no start.
  began = performance.now() + 60_000;
  await ask(gateway.address, gateway.key, "first", false);
  log.length = 0;
  began = performance.now();

  let succeeded = 0;
  let oracle = 0;
  let lost = 0;
  const running: Promise<void>[] = [];
  let due = 0;
  for (let number = 0; number < requests; number++) {
    due += (-Math.log(1 - random()) * 1000) / rate;
    const wait = due - now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    // Who knows which upstream is well right now is answered by it.
    const isPossible = schedules.some((wayAt) => wayAt(now()) === undefined);
    if (isPossible) oracle++;
    running.push(
      ask(gateway.address, gateway.key, String(number), number % 2 === 0).then((isWhole) => {
        if (isWhole) succeeded++;
        else if (isPossible) lost++;
      }),
    );
  }
  await Promise.all(running);
  const byRequest = Map.groupBy(log, ({ id }) => id);
  let afterContent = 0;
  let answeredTwice = 0;
  for (const tries of byRequest.values()) {
    if (tries.slice(0, -1).some(({ saidSomething }) => saidSomething)) afterContent++;
    if (tries.filter(({ isWhole }) => isWhole).length > 1) answeredTwice++;
  }
  const health = await settled(gateway);
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  const paid = health.limits.find(({ subject, limit }) => subject.startsWith("key:") && limit.startsWith("budget"));
  const result = {
    requests,
    success_percent: (succeeded / requests) * 100,
    oracle_percent: (oracle / requests) * 100,
    behind_oracle_percent: ((oracle - succeeded) / requests) * 100,
    lost_though_possible_percent: (lost / requests) * 100,
    tries_per_request: log.length / requests,
    failovers_after_content: afterContent,
    answered_twice: answeredTwice,
    still_active: health.active,
    places_held: health.limits
      .filter(({ limit }) => limit === "at once")
      .reduce((sum, { used }) => sum + Number(used), 0),
    paid_usd: Number(paid?.used.replace("$", "") ?? Number.NaN),
    answers_sent_usd: (log.filter(({ isWhole }) => isWhole).length * 15) / 1e6,
  };
  await gateway.stop();
  return result;
}

/** The gateway's state once nothing runs and every row is written. */
async function settled({ address, key }: { address: string; key: string }): Promise<Health> {
  for (let turn = 0; ; turn++) {
    const answered = await fetch(`${address}/v1/health`, { headers: { authorization: `Bearer ${key}` } });
    const health = (await answered.json()) as Health;
    // This request itself is not one of those that count.
    if ((health.active === 0 && health.ledger.queued === 0) || turn > 100) return health;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
