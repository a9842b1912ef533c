import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");
/** Where the bench builds and installs: ignored by git, kept between runs. */
export const cache = join(root, ".cache", "bench");

/** Processors: what is measured runs on the first, load and upstream share the second, so that neither steals from the other. */
export const measured = 0;
export const loading = 1;

/** Builds the two C programs. Returns their paths. */
export function buildNative(): { upstream: string; load: string } {
  mkdirSync(cache, { recursive: true });
  const build = (name: string) => {
    const out = join(cache, name);
    const ended = spawnSync("cc", ["-O2", "-o", out, join(import.meta.dirname, "native", `${name}.c`)], {
      stdio: "inherit",
    });
    if (ended.status !== 0)
      throw new Error(
        "The bench's upstream and load are C programs: install a C compiler (on Debian: apt-get install gcc libc6-dev).",
      );
    return out;
  };
  return { upstream: build("upstream"), load: build("load") };
}

const started = new Set<ChildProcess>();

/** Starts a program pinned to one processor (or none); it is stopped with the bench. */
export function start(
  cpu: number | undefined,
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; quiet?: boolean } = {},
): ChildProcess {
  const [program, ...rest] = cpu === undefined ? [command, ...args] : ["taskset", "-c", String(cpu), command, ...args];
  const child = spawn(program!, rest, {
    stdio: ["ignore", "pipe", options.quiet ? "ignore" : "inherit"],
    ...(options.cwd ? { cwd: options.cwd } : {}),
    env: options.env ?? process.env,
  });
  started.add(child);
  child.once("exit", () => started.delete(child));
  return child;
}

/** The first text a program prints that matches. Rejects when it ends before. */
export function firstMatch(child: ChildProcess, pattern: RegExp): Promise<RegExpMatchArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = pattern.exec(text);
      if (found) resolve(found);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${child.spawnargs.join(" ")} ended with ${code}: ${text}`)));
  });
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(force);
}

export function stopAll(): Promise<unknown> {
  return Promise.all([...started].map(stop));
}

/** A process and everything below it. */
export function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Gone while we looked.
    }
  }
  const all = [pid];
  for (const one of all) all.push(...(children.get(one) ?? []));
  return all;
}

/** Nanoseconds of processor time the processes' threads have had. */
export function cpuTime(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids)
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
      } catch {
        // A thread that has ended.
      }
    }
  return total;
}

/** Resident memory in MB (10^6 bytes would flatter: these are MiB). */
export function residentMb(pids: readonly number[]): number {
  let pages = 0;
  for (const pid of pids) pages += Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return (pages * 4096) / 2 ** 20;
}
