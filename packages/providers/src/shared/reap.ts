import { mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseJsonObject } from "@trunkline/contracts";

/**
 * Children of a gateway that was killed go on running: nobody told them. Each child is written down in a file while it lives, and carries
 * a mark in its environment that its own children inherit; the next start kills what it finds of both.
 */

/** Clock ticks from boot to the process's start, which with its id names it for ever; undefined when there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in brackets, may hold anything; fields are counted from behind it. 22 is `starttime` (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only its parent has not noticed.
    return fields[0] === "Z" ? undefined : fields[22 - 3];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number, start: string): boolean {
  if (start !== "") return startOf(pid) === start;
  // Without /proc there is only the id to go by.
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What the children of a gateway process carry as TRUNKLINE_CHILD. */
export function markOf(gatewayPid: number): string {
  return `${gatewayPid}.${startOf(gatewayPid) ?? ""}`;
}

export function rememberChild(folder: string, pid: number, scratch: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, String(pid)), JSON.stringify({ gateway: markOf(process.pid), scratch }), { mode: 0o600 });
}

export function forgetChild(folder: string, pid: number): void {
  try {
    unlinkSync(join(folder, String(pid)));
  } catch {
    // The folder of a test or a removed home.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

/** Every process that carries the mark, wherever it has gone. Linux only; elsewhere none. */
function marked(mark: string): number[] {
  let entries: string[];
  try {
    entries = readdirSync("/proc");
  } catch {
    return [];
  }
  const wanted = `TRUNKLINE_CHILD=${mark}`;
  return entries.flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(wanted) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/** Kills what gateways that are no more have left running, and removes their scratch folders. Returns how many children there were. */
export function reapChildren(folder: string): number {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch {
    return 0;
  }
  let count = 0;
  for (const file of files) {
    const path = join(folder, file);
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      continue;
    }
    const note = parseJsonObject(text);
    const mark = String(note?.["gateway"] ?? "");
    const [gateway, start = ""] = mark.split(".");
    if (isAlive(Number(gateway), start)) continue;
    count++;
    const found = marked(mark);
    for (const pid of found) kill(pid);
    // The group, where the system shows no environments.
    if (start === "" && /^[2-9]$|^[1-9]\d+$/.test(file)) kill(-Number(file));
    const scratch = note?.["scratch"];
    if (typeof scratch === "string" && /[\\/]trunkline-[^\\/]+$/.test(scratch))
      rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
    rmSync(path, { force: true });
  }
  return count;
}
