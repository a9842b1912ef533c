import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { loading } from "./processes.ts";
import type { Server } from "./servers.ts";
import type { Work } from "./works.ts";

/** What the load program prints; times in microseconds. */
export type Load = {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly rps: number;
  readonly p50: number;
  readonly p99: number;
  readonly events: number;
  readonly delay_p50: number;
  readonly delay_p99: number;
  readonly first_p50: number;
};

export type LoadOptions = {
  readonly connections: number;
  /** Below 0: a number of requests. */
  readonly seconds: number;
  /** Requests a second; 0 is a closed loop. */
  readonly rate?: number;
  readonly staggerMs?: number;
  readonly pinned?: boolean;
};

export function createLoader(program: string) {
  return async (server: Server, work: Work, options: LoadOptions): Promise<Load> => {
    const pin = options.pinned === false ? [] : ["taskset", "-c", String(loading)];
    const [command, ...args] = [
      ...pin,
      program,
      ...[
        server.port,
        server.request(work),
        options.connections,
        options.seconds,
        options.rate ?? 0,
        options.staggerMs ?? 0,
      ].map(String),
    ];
    const { stdout } = await promisify(execFile)(command!, args);
    const load = JSON.parse(stdout) as Load;
    if (load.errors > 0)
      throw new Error(
        `${server.name} answered ${load.errors} of ${load.requests} requests with an error (${work.name})`,
      );
    return load;
  };
}

export type Loader = ReturnType<typeof createLoader>;

export type Slice = Load & {
  /** Microseconds of processor time of the server per request, and per event of its streams. */
  readonly cpuPerRequest: number;
  readonly cpuPerEvent: number;
  readonly rssMb: number;
};

/** One load and the processor time the server took meanwhile. */
export async function slice(load: Loader, server: Server, work: Work, options: LoadOptions): Promise<Slice> {
  const before = server.cpuNs();
  const result = await load(server, work, options);
  const spent = (server.cpuNs() - before) / 1000;
  return {
    ...result,
    cpuPerRequest: spent / result.requests,
    cpuPerEvent: result.events > 0 ? spent / result.events : 0,
    rssMb: server.rssMb(),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function shuffled<T>(values: readonly T[]): T[] {
  const left = [...values];
  const order: T[] = [];
  while (left.length > 0) order.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  return order;
}

/** Slices of every server, a round at a time in random order: a slow second of the machine hits all of them. */
export async function rounds(
  count: number,
  runs: readonly { readonly name: string; run(): Promise<Slice> }[],
): Promise<Map<string, Slice[]>> {
  const slices = new Map<string, Slice[]>(runs.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round++)
    for (const { name, run } of shuffled(runs)) slices.get(name)!.push(await run());
  return slices;
}

/** The median over rounds of how many times `one` took what `other` did. */
export function ratio(
  slices: Map<string, Slice[]>,
  one: string,
  other: string,
  read: (slice: Slice) => number,
): number | null {
  const [ours, theirs] = [slices.get(one), slices.get(other)];
  if (!ours || !theirs) return null;
  return median(ours.map((slice, round) => read(slice) / read(theirs[round]!)));
}

export function middle(slices: Map<string, Slice[]>, name: string, read: (slice: Slice) => number): number | null {
  const found = slices.get(name);
  return found ? median(found.map(read)) : null;
}
