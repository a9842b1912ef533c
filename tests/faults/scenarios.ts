import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { createSite, load, must, quantile, until, type Figures } from "./gateway.ts";
import { millionRows } from "./million-rows.ts";
import { programsUnderFire } from "./programs.ts";

export type Scenario = {
  readonly name: string;
  readonly what: string;
  readonly needsRoot?: boolean;
  run(): Promise<Figures>;
};

async function killedUnderLoad(): Promise<Figures> {
  const site = await createSite();
  try {
    const lasting = new Set<string>();
    let answered = 0;
    let missing = 0;
    for (let round = 0; round < 20; round++) {
      await site.start();
      const clients = load(site, 16);
      const from = round === 0 ? 0 : site.rows().length;
      await until(() => site.rows().length > from + 300, "300 rows more");
      const seen = site.rows();
      for (const id of seen) lasting.add(id);
      await site.end("SIGKILL");
      await clients.stop();
      const kept = site.rows();
      const known = new Set(kept);
      must(known.size === kept.length, "a row is there twice");
      must(
        [...lasting].every((id) => known.has(id)),
        "a row that was on disk is gone",
      );
      const ok = clients.answers.filter(({ status }) => status === 200);
      answered += ok.length;
      missing += ok.filter(({ id }) => !known.has(id)).length;
      must((await site.trunkline("db", "check")).includes("sound"), "the database is damaged");
    }
    return { kills: 20, answered, "rows of the last 100 ms lost": missing, "flushed rows lost": 0 };
  } finally {
    await site.close();
  }
}

async function diskFull(): Promise<Figures> {
  const home = mkdtempSync(join(tmpdir(), "trunkline-small-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", home]);
  const site = await createSite({ home });
  try {
    await site.start();
    for (let turn = 0; turn < 200; turn++) await site.ask();
    await until(() => site.rows().length === 200, "rows before");
    const before = site.rssMb();
    // Takes all that is left.
    const filler = join(home, "filler");
    try {
      writeFileSync(filler, Buffer.alloc(64 * 1024 * 1024));
    } catch {
      // As intended.
    }
    const clients = load(site, 8);
    await until(async () => (await site.health()).ledger.queued > 2000, "a queue of rows");
    await clients.stop();
    const refused = clients.answers.filter(({ status }) => status !== 200).length;
    const { queued } = (await site.health()).ledger;
    const during = site.rssMb();
    rmSync(filler);
    await until(async () => (await site.health()).ledger.queued === 0, "the queue on disk");
    const rows = new Set(site.rows());
    const lost = clients.answers.filter(({ id }) => !rows.has(id)).length;
    must(lost === 0, `${lost} rows were lost`);
    return {
      "answered while full": clients.answers.length,
      refused,
      "rows waiting": queued,
      "rows lost": lost,
      "RSS before MB": before,
      "RSS while full MB": during,
    };
  } finally {
    await site.close();
    execFileSync("umount", [home]);
    rmSync(home, { recursive: true });
  }
}

async function databaseLocked(): Promise<Figures> {
  const site = await createSite();
  try {
    await site.start();
    for (let turn = 0; turn < 50; turn++) await site.ask();
    const before = site.rssMb();
    const locker = new DatabaseSync(join(site.home, "trunkline.db"));
    locker.exec("begin immediate");
    // Some 600 requests a second: what a minute of them leaves waiting is well below the most that may.
    const clients = load(site, 4, 5);
    await wait(60_000);
    const { ledger } = await site.health();
    const during = site.rssMb();
    locker.exec("rollback");
    locker.close();
    await until(async () => (await site.health()).ledger.queued === 0, "the queue on disk");
    await clients.stop();
    await until(async () => (await site.health()).ledger.queued === 0, "the last rows on disk");
    const rows = new Set(site.rows());
    const lost = clients.answers.filter(({ id }) => !rows.has(id)).length;
    const refused = clients.answers.filter(({ status }) => status !== 200).length;
    must(lost === 0, `${lost} rows were lost`);
    must(refused === 0, `${refused} requests were refused`);
    return {
      answered: clients.answers.length,
      refused,
      "rows waiting at the end": ledger.queued,
      "rows lost": lost,
      "p50 ms": quantile(
        clients.answers.map(({ ms }) => ms),
        0.5,
      ),
      "longest wait ms": Math.max(...clients.answers.map(({ ms }) => ms)),
      "RSS before MB": before,
      "RSS locked MB": during,
    };
  } finally {
    await site.close();
  }
}

async function clockJumps(): Promise<Figures> {
  const library = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
  ].find((path) => existsSync(path));
  if (!library) return { skipped: "libfaketime is not installed (on Debian: apt-get install faketime)" };
  const site = await createSite();
  const clock = join(site.home, "clock");
  try {
    writeFileSync(clock, "+0");
    await site.start([
      "env",
      `LD_PRELOAD=${library}`,
      `FAKETIME_TIMESTAMP_FILE=${clock}`,
      "FAKETIME_NO_CACHE=1",
      "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ]);
    const clients = load(site, 4);
    for (const jump of ["+2h", "-3d", "+400d", "-2h", "+0"]) {
      const from = clients.answers.length;
      writeFileSync(clock, jump);
      await until(() => clients.answers.length > from + 200, `200 answers after ${jump}`);
    }
    await clients.stop();
    const refused = clients.answers.filter(({ status }) => status !== 200).length;
    must(refused === 0, `${refused} requests were refused`);
    await until(() => clients.answers.every(({ id }) => new Set(site.rows()).has(id)), "every row on disk");
    return {
      jumps: 5,
      answered: clients.answers.length,
      refused,
      "longest wait ms": Math.max(...clients.answers.map(({ ms }) => ms)),
    };
  } finally {
    await site.close();
  }
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

async function manyConnections(): Promise<Figures> {
  const site = await createSite();
  const sockets: Socket[] = [];
  try {
    await site.start();
    const port = Number(new URL(site.address).port);
    for (let turn = 0; turn < 20; turn++) await site.ask();
    const before = site.rssMb();
    for (let batch = 0; batch < 100; batch++) {
      const some = await Promise.all(Array.from({ length: 100 }, () => opened(port)));
      for (const socket of some) socket.on("error", () => {});
      sockets.push(...some);
    }
    const clients = load(site, 4);
    await until(() => clients.answers.length > 2000, "2000 answers beside them");
    await clients.stop();
    must(
      clients.answers.every(({ status }) => status === 200),
      "a request was refused",
    );
    const during = site.rssMb();
    return {
      connections: sockets.filter((socket) => !socket.destroyed).length,
      "p50 ms": quantile(
        clients.answers.map(({ ms }) => ms),
        0.5,
      ),
      "p99 ms": quantile(
        clients.answers.map(({ ms }) => ms),
        0.99,
      ),
      "RSS before MB": before,
      "RSS MB": during,
      "KB a connection": ((during - before) * 1024) / sockets.length,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await site.close();
  }
}

async function slowLoris(): Promise<Figures> {
  const site = await createSite();
  const sockets: Socket[] = [];
  try {
    await site.start();
    const port = Number(new URL(site.address).port);
    let told408 = 0;
    let closed = 0;
    for (let count = 0; count < 500; count++) {
      const socket = await opened(port);
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", (text: Buffer) => (told408 += text.toString().includes(" 408 ") ? 1 : 0));
      socket.on("close", () => closed++);
      socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n");
    }
    // A header line now and then, so that no connection is ever silent.
    const drip = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write("x: y\r\n");
    }, 2000);
    const clients = load(site, 4);
    await until(() => closed === sockets.length, "every slow connection closed", 2400);
    clearInterval(drip);
    await clients.stop();
    must(
      clients.answers.every(({ status }) => status === 200),
      "a request was refused",
    );
    return {
      "slow connections": sockets.length,
      closed,
      "told 408": told408,
      "answered meanwhile": clients.answers.length,
      "p99 ms": quantile(
        clients.answers.map(({ ms }) => ms),
        0.99,
      ),
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await site.close();
  }
}

export const scenarios: readonly Scenario[] = [
  { name: "kill", what: "kill -9 under load, twenty times", run: killedUnderLoad },
  { name: "disk", what: "a disk without room", needsRoot: true, run: diskFull },
  { name: "locked", what: "a database another process has locked for a minute", run: databaseLocked },
  { name: "clock", what: "a clock that jumps hours and days, both ways", run: clockJumps },
  { name: "connections", what: "ten thousand idle connections", run: manyConnections },
  { name: "loris", what: "five hundred clients that never finish their headers", run: slowLoris },
  { name: "programs", what: "vendors' programs that hang, crash and are killed", run: programsUnderFire },
  { name: "million", what: "a million rows in the ledger", run: millionRows },
];
