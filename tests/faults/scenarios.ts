import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { createSite, load, must, quantile, until } from "./gateway.ts";

/** Figures a person reads. */
export type Figures = Readonly<Record<string, number | string>>;
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

/** Fills the ledger as a busy month would. */
function fill(home: string, rows: number): void {
  const database = new DatabaseSync(join(home, "trunkline.db"));
  const columns = (database.prepare("pragma table_info(exchanges)").all() as { name: string }[]).map(
    ({ name }) => name,
  );
  const insert = database.prepare(
    `insert into exchanges (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`,
  );
  const month = 30 * 86_400_000;
  const from = Date.now() - month;
  for (let done = 0; done < rows;) {
    database.exec("begin");
    for (let batch = 0; batch < 10_000 && done < rows; batch++, done++) {
      const failed = done % 50 === 0;
      const row: Record<string, string | number | null> = {
        id: `req_fill${done.toString(36).padStart(8, "0")}`,
        started_at: Math.floor(from + (month * done) / rows),
        duration_ms: 1200,
        first_content_ms: 300,
        operation: "generate",
        dialect: "anthropic-messages",
        upstream_dialect: "openai-chat",
        key_id: `key_${done % 40}`,
        requested_model: `model-${done % 25}`,
        provider: `provider-${done % 8}`,
        model: `model-${done % 25}`,
        stream: done % 2,
        status: failed ? 429 : 200,
        outcome: failed ? "error" : "ok",
        error_code: failed ? "upstream_rate_limited" : null,
        finish_reason: failed ? null : "stop",
        service_tier: null,
        usage_estimated: 0,
        cost_nano_usd: 1_234_567,
        degraded: "",
      };
      insert.run(...columns.map((name) => (name in row ? row[name]! : 100)));
    }
    database.exec("commit");
  }
  database.close();
}

async function millionRows(): Promise<Figures> {
  const site = await createSite();
  const figures: Record<string, number | string> = {};
  try {
    await site.start();
    await site.end("SIGTERM");
    fill(site.home, 1_000_000);
    const { openStore, createSecretBox } = await import("@trunkline/store");
    const store = await openStore({
      location: join(site.home, "trunkline.db"),
      secretBox: createSecretBox(Buffer.alloc(32)),
      now: Date.now,
    });
    // The rare and the absent are what a filter has to search longest for.
    const filters = {
      "newest page": {},
      "by key": { keyId: "nobody" },
      "by provider": { provider: "nobody" },
      "by model": { model: "nothing" },
      "by status": { status: 599 },
      "by outcome": { outcome: "cancelled" },
      "by error": { errorCode: "internal_error" },
      "since a day": { since: Date.now() - 86_400_000, keyId: "nobody" },
    };
    for (const [name, filter] of Object.entries(filters)) {
      const took: number[] = [];
      for (let turn = 0; turn < 7; turn++) {
        const at = performance.now();
        await store.exchanges.list({ ...filter, limit: 50 });
        took.push(performance.now() - at);
      }
      figures[`${name} ms`] = quantile(took, 0.5);
      must(quantile(took, 0.5) < 100, `${name} took ${quantile(took, 0.5)} ms`);
    }
    await store.close();
    // Live traffic as it is, and while half a million rows are pruned.
    await site.start();
    const calm = load(site, 4);
    await until(() => calm.answers.length > 5000, "5000 answers");
    await calm.stop();
    await site.end("SIGTERM");
    const config = JSON.parse(await site.trunkline("config", "show", "--json")) as object;
    must(config !== null, "no configuration");
    writeFileSync(
      join(site.home, "trunkline.yaml"),
      readFileSync(join(site.home, "trunkline.yaml"), "utf8").replace(/}$/, ',"ledger":{"retention_days":15}}'),
    );
    await site.start();
    const busy = load(site, 4);
    const from = performance.now();
    const oldest = new DatabaseSync(join(site.home, "trunkline.db"), { readOnly: true });
    // Asking for the rows themselves would keep this process, and so its clients, from their work.
    const first = () => (oldest.prepare("select min(rowid) as first from exchanges").get() as { first: number }).first;
    await until(() => first() > 480_000, "half of the rows pruned", 6000);
    oldest.close();
    const prunedIn = performance.now() - from;
    await busy.stop();
    const p99 = (answers: readonly { ms: number }[]) =>
      quantile(
        answers.map(({ ms }) => ms),
        0.99,
      );
    Object.assign(figures, {
      "pruned in s": prunedIn / 1000,
      "p99 calm ms": p99(calm.answers),
      "p99 pruning ms": p99(busy.answers),
      "times the calm p99": p99(busy.answers) / p99(calm.answers),
    });
    return figures;
  } finally {
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
  { name: "million", what: "a million rows in the ledger", run: millionRows },
];
