import { execFile, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type TestPostgres = {
  readonly address: string;
  /** The address of another, empty database; made at the first call. */
  database(name: string): Promise<string>;
  close(): Promise<void>;
};

/** Where Debian and others keep the server's programs. */
function programs(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).toSorted((a, b) => Number(b) - Number(a)) : [];
  const found = versions
    .map((version) => join(root, version, "bin"))
    .find((folder) => existsSync(join(folder, "initdb")));
  if (!found)
    throw new Error("PostgreSQL's server is not installed; `npm test` installs it, or: apt-get install postgresql");
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A PostgreSQL of its own in a temporary folder. The server refuses to run as root, so root lends it the `postgres` user. */
export async function startPostgres(): Promise<TestPostgres> {
  const bin = programs();
  const folder = mkdtempSync(join(tmpdir(), "trunkline-postgres-"));
  const identity: { uid?: number; gid?: number } = {};
  if (process.getuid?.() === 0) {
    const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
    Object.assign(identity, { uid: await id("-u"), gid: await id("-g") });
    chownSync(folder, identity.uid!, identity.gid!);
  }
  const data = join(folder, "data");
  await run(join(bin, "initdb"), ["-D", data, "-A", "trust", "-U", "trunkline", "--no-sync", "-E", "UTF8"], {
    ...identity,
    cwd: folder,
  });
  const port = await freePort();
  const server = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-F"], {
    ...identity,
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  await ready(server);
  const made = new Set<string>();
  const addressOf = (name: string) => `postgres://trunkline@127.0.0.1:${port}/${name}`;
  return {
    address: addressOf("postgres"),
    async database(name) {
      if (!made.has(name))
        await run(join(bin, "createdb"), ["-h", "127.0.0.1", "-p", String(port), "-U", "trunkline", name], {
          cwd: folder,
        });
      made.add(name);
      return addressOf(name);
    },
    async close() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    server.stderr!.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("ready to accept connections")) resolve();
    });
    server.once("exit", () => reject(new Error(`PostgreSQL ended: ${said}`)));
  });
}
