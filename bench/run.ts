import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createLoader, median, middle, ratio, rounds, slice, type Loader, type Slice } from "./measure.ts";
import { buildNative, cache, firstMatch, loading, start, stopAll } from "./processes.ts";
import { measureChaos } from "./chaos.ts";
import { measureDesk } from "./desk.ts";
import { measurePrograms } from "./programs.ts";
import { report, type Results } from "./report.ts";
import { startDirect, startFloor, startLitellm, startNginx, startOurs, startPortkey, type Server } from "./servers.ts";
import { works, type Work } from "./works.ts";

// `npm run bench`: see README.md in this folder.

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    profile: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    seed: { type: "string" },
    "no-peers": { type: "boolean", default: false },
  },
});
const wanted = options.only?.split(",");
const count = Number(options.rounds ?? (options.quick ? 10 : 24));
const seconds = options.quick ? 0.3 : 0.6;
const closed = { connections: 32, seconds };

function asked(work: string): boolean {
  return wanted === undefined || wanted.includes(work);
}

const cpu = (found: Slice) => found.cpuPerRequest;

type Field = {
  readonly load: Loader;
  readonly direct: Server;
  readonly ours: Server;
  readonly floor: Server;
  readonly others: readonly Server[];
};

/** Peers that take many times as long get fewer requests to warm up with. */
const slower: Readonly<Record<string, number>> = { portkey: 10, litellm: 100 };

/** Closed loops against every server in turn. */
async function closedLoop({ load, ours, floor, others }: Field, work: Work, pairs: { floorWork?: Work; warm: number }) {
  const runs = [
    { name: "ours", server: ours, work },
    { name: "floor", server: floor, work: pairs.floorWork ?? work },
    ...others.map((server) => ({ name: server.name, server, work: pairs.floorWork ?? work })),
  ];
  for (const { name, server, work: asked } of runs)
    await load(server, asked, { connections: 32, seconds: -Math.ceil(pairs.warm / (slower[name] ?? 1)) });
  const slices = await rounds(
    count,
    runs.map(({ name, server, work: asked }) => ({ name, run: () => slice(load, server, asked, closed) })),
  );
  return {
    ours_cpu_us: middle(slices, "ours", cpu),
    floor_cpu_us: middle(slices, "floor", cpu),
    nginx_cpu_us: middle(slices, "nginx", cpu),
    portkey_cpu_us: middle(slices, "portkey", cpu),
    litellm_cpu_us: middle(slices, "litellm", cpu),
    ratio_floor: ratio(slices, "ours", "floor", cpu),
    ratio_nginx: ratio(slices, "ours", "nginx", cpu),
    ratio_portkey: ratio(slices, "ours", "portkey", cpu),
    ratio_litellm: ratio(slices, "ours", "litellm", cpu),
    rps: middle(slices, "ours", (found) => found.rps),
    floor_rps: middle(slices, "floor", (found) => found.rps),
    rss_mb: middle(slices, "ours", (found) => found.rssMb),
  };
}

/** The same with every request traced, against the same without: what tracing costs. */
async function traced({ load, ours }: Field, upstream: number) {
  const collector = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const { port } = collector.address() as { port: number };
  const tracing = await startOurs(upstream, {
    collector: `http://127.0.0.1:${port}`,
  });
  const runs = [
    { name: "traced", server: tracing },
    { name: "ours", server: ours },
  ];
  for (const { server } of runs) await load(server, works.w1, { connections: 32, seconds: -40_000 });
  const slices = await rounds(
    count,
    runs.map(({ name, server }) => ({ name, run: () => slice(load, server, works.w1, closed) })),
  );
  await tracing.stop();
  collector.close();
  collector.closeAllConnections();
  return {
    traced_cpu_us: middle(slices, "traced", cpu),
    ours_cpu_us: middle(slices, "ours", cpu),
    ratio_ours: ratio(slices, "traced", "ours", cpu),
  };
}

/** What a request waits longer than without us, at so many a second that every server is idle most of the time. */
async function addedLatency({ load, direct, ours, floor }: Field, work: Work, rate: number, floorWork = work) {
  const paced = { connections: 16, rate, seconds: options.quick ? 2 : 5 };
  const slices = await rounds(
    options.quick ? 1 : 4,
    [direct, ours, floor].map((server) => ({
      name: server.name,
      run: () => slice(load, server, server === ours ? work : floorWork, paced),
    })),
  );
  const added = (name: string, read: (found: Slice) => number) =>
    median(slices.get(name)!.map((found, round) => read(found) - read(slices.get("direct")![round]!)));
  return {
    added_p50_us: added("ours", (found) => found.p50),
    added_p99_us: added("ours", (found) => found.p99),
    floor_added_p50_us: added("floor", (found) => found.p50),
    floor_added_p99_us: added("floor", (found) => found.p99),
  };
}

/** In processes of their own, whose memory is what these streams take. */
async function manyStreams({ load, direct }: Pick<Field, "load" | "direct">, upstream: number) {
  const ours = await startOurs(upstream);
  const floor = await startFloor(upstream);
  const warm = { connections: 200, seconds: options.quick ? 4 : 10, staggerMs: 2500 };
  for (const server of [ours, floor]) await load(server, works.w3, warm);
  const shape = { connections: 200, seconds: options.quick ? 6 : 12, staggerMs: 2500 };
  const slices = await rounds(
    options.quick ? 2 : 6,
    [ours, floor].map((server) => ({ name: server.name, run: () => slice(load, server, works.w3, shape) })),
  );
  const fast = { connections: 20, seconds: options.quick ? 3 : 6, staggerMs: 500 };
  const quickStreams = await rounds(
    options.quick ? 2 : 6,
    [direct, ours, floor].map((server) => ({ name: server.name, run: () => slice(load, server, works.w3fast, fast) })),
  );
  await Promise.all([ours.stop(), floor.stop()]);
  const perEvent = (found: Slice) => found.cpuPerEvent;
  const added = (name: string, read: (found: Slice) => number) =>
    median(quickStreams.get(name)!.map((found, round) => read(found) - read(quickStreams.get("direct")![round]!))) /
    1000;
  return {
    ours_cpu_us_per_chunk: middle(slices, "ours", perEvent),
    floor_cpu_us_per_chunk: middle(slices, "floor", perEvent),
    ratio_floor: ratio(slices, "ours", "floor", perEvent),
    rss_mb: Math.max(...slices.get("ours")!.map((found) => found.rssMb)),
    floor_rss_mb: Math.max(...slices.get("floor")!.map((found) => found.rssMb)),
    added_delay_p50_ms: added("ours", (found) => found.delay_p50),
    added_delay_p99_ms: added("ours", (found) => found.delay_p99),
    added_first_p50_ms: added("ours", (found) => found.first_p50),
    floor_added_delay_p50_ms: added("floor", (found) => found.delay_p50),
    floor_added_delay_p99_ms: added("floor", (found) => found.delay_p99),
    floor_added_first_p50_ms: added("floor", (found) => found.first_p50),
  };
}

/** Whole answers by one process and by two workers, which share both processors with the load: what more cores bring. */
async function moreCores(load: Loader, upstream: number) {
  const free = { connections: 96, pinned: false } as const;
  const one = await startOurs(upstream, { cpu: undefined });
  const two = await startOurs(upstream, { cpu: undefined, workers: 2 });
  for (const server of [one, two]) await load(server, works.w1, { ...free, seconds: -30_000 });
  const slices = await rounds(
    options.quick ? 6 : 12,
    [one, two].map((server) => ({
      name: server.name,
      run: () => slice(load, server, works.w1, { ...free, seconds: 1 }),
    })),
  );
  const rps = (found: Slice) => found.rps;
  const result = {
    one_rps: middle(slices, one.name, rps),
    two_rps: middle(slices, two.name, rps),
    ratio: ratio(slices, two.name, one.name, rps),
    one_cpu_us: middle(slices, one.name, cpu),
    two_cpu_us: middle(slices, two.name, cpu),
    two_rss_mb: middle(slices, two.name, (found) => found.rssMb),
  };
  await Promise.all([one.stop(), two.stop()]);
  return result;
}

/** Memory of a gateway nobody has asked anything: once it is up, and once its start-up garbage is gone. */
async function idleMemory(upstream: number) {
  const server = await startOurs(upstream);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const rss_mb = server.rssMb();
  await server.stop();
  return { rss_mb };
}

/** Eight hours of a busy person's chats in minutes: half whole answers, half streams, and what memory they leave behind. */
async function longDay(load: Loader, upstream: number) {
  const server = await startOurs(upstream);
  const run = (work: Work, requests: number) => load(server, work, { connections: 32, seconds: -requests });
  const share = options.quick ? 0.2 : 1;
  await run(works.w1, 20_000);
  await run(works.w2, 4000);
  await run(works.w5, 1000);
  const before = server.rssMb();
  let requests = 25_000;
  let peak = before;
  const settled: number[] = [];
  for (let hour = 0; hour < 8; hour++) {
    await run(works.w1, Math.round(20_000 * share));
    await run(works.w2, Math.round(4000 * share));
    await run(works.w5, Math.round(1000 * share));
    requests += Math.round(25_000 * share);
    settled.push(server.rssMb());
    peak = Math.max(peak, server.rssMb());
  }
  await server.stop();
  return {
    requests,
    rss_warm_mb: before,
    rss_end_mb: settled.at(-1)!,
    rss_peak_mb: peak,
    growth_mb: settled.at(-1)! - before,
  };
}

async function main(): Promise<void> {
  // They take a gigabyte to install, and need none of the servers below.
  if (wanted?.includes("programs")) {
    const measured = await measurePrograms();
    console.log(report(measured));
    if (options.json) writeFileSync(options.json, `${JSON.stringify(measured, null, 2)}\n`);
    if (wanted.length === 1) return;
  }
  if (asked("chaos") && !(options.quick && wanted === undefined)) {
    const seed = Number(options.seed ?? 1);
    const measured = { chaos: await measureChaos({ requests: options.quick ? 2000 : 10_000, rate: 170, seed }) };
    console.log(report(measured));
    if (options.json) writeFileSync(options.json, `${JSON.stringify(measured, null, 2)}\n`);
    if (wanted?.length === 1) return;
  }
  const native = buildNative();
  const upstreamProcess = start(loading, native.upstream, []);
  const upstream = Number((await firstMatch(upstreamProcess, /\d+\n/))[0]);
  const load = createLoader(native.load);
  const results: Results = {};
  const tell = (name: string, result: Results[string]) => {
    results[name] = result;
    console.log(report({ [name]: result }));
  };
  if (wanted?.includes("desk")) tell("desk", await measureDesk(options.quick ? 100_000 : 1_000_000));
  if (asked("w6")) tell("w6", await idleMemory(upstream));
  if (asked("w7") && !(options.quick && wanted === undefined)) tell("w7", await longDay(load, upstream));
  if (asked("cores") && !(options.quick && wanted === undefined)) tell("cores", await moreCores(load, upstream));
  const profileFolder = join(cache, "profile");
  mkdirSync(profileFolder, { recursive: true });
  const ours = await startOurs(upstream, options.profile ? { profile: profileFolder } : {});
  const floor = await startFloor(upstream);
  const nginx = await startNginx(upstream);
  const portkey = options["no-peers"] ? undefined : await startPortkey(upstream);
  // Its installation alone takes longer than a quick run may.
  const litellm = options["no-peers"] || options.quick ? undefined : await startLitellm(upstream);
  const present = (servers: readonly (Server | undefined)[]) => servers.filter((server) => server !== undefined);
  const field = {
    load,
    direct: startDirect(upstreamProcess, upstream),
    ours,
    floor,
    others: present([nginx, portkey, litellm]),
  };
  const withoutPeers = { ...field, others: present([nginx]) };
  if (asked("w1"))
    tell("w1", {
      ...(await closedLoop(field, works.w1, { warm: 40_000 })),
      ...(await addedLatency(field, works.w1, 300)),
    });
  if (asked("w1full")) {
    const full = await startOurs(upstream, { isFull: true, ...(options.profile ? { profile: profileFolder } : {}) });
    const everythingOn = async (work: Work) => {
      const { ours_cpu_us, floor_cpu_us, ratio_floor, rps, rss_mb } = await closedLoop(
        { ...field, ours: full, others: [] },
        work,
        { floorWork: works.w1, warm: 40_000 },
      );
      return { ours_cpu_us, floor_cpu_us, ratio_floor, rps, rss_mb };
    };
    tell("w1hit", await everythingOn(works.w1));
    tell("w1full", await everythingOn(works.w1full));
    await full.stop();
  }
  if (asked("w1otel")) tell("w1otel", await traced(field, upstream));
  if (asked("w2"))
    tell("w2", {
      ...(await closedLoop(field, works.w2, { warm: 4000 })),
      ...(await addedLatency(field, works.w2, 100)),
    });
  if (asked("w4"))
    tell("w4", {
      ...(await closedLoop({ ...field, others: [] }, works.w4, { floorWork: works.w2, warm: 4000 })),
      ...(await addedLatency(field, works.w4, 100, works.w2)),
    });
  if (asked("w5"))
    tell("w5", {
      ...(await closedLoop(withoutPeers, works.w5, { warm: 5000 })),
      ...(await addedLatency(field, works.w5, 100)),
    });
  if (asked("w3")) tell("w3", await manyStreams(field, upstream));
  await ours.stop();
  if (options.profile) console.log(`CPU profiles are in ${profileFolder}: open them in Chrome's DevTools.`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}

try {
  await main();
} finally {
  await stopAll();
}
