import type { Worker } from "node:worker_threads";
import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
} from "kysely";

export type Question = { readonly id: number; readonly text: string; readonly parameters: readonly unknown[] };
export type Answer = { readonly id: number; readonly rows?: unknown[]; readonly problem?: string };

/** Milliseconds without a question after which the thread goes: an idle gateway has none. */
const idleMs = 30_000;

type Waiting = { resolve(rows: unknown[]): void; reject(error: Error): void };

/** A thread that reads a database file; started with the first question, and again after it has gone. */
function createReader(path: string) {
  const waiting = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let starting: Promise<Worker> | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;
  let closed = false;

  function gone(which: Worker, error: Error): void {
    if (thread !== which) return;
    thread = undefined;
    starting = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  async function start(): Promise<Worker> {
    // Threads take three megabytes before there is one: they are loaded with the first question.
    const { Worker: WorkerThread } = await import("node:worker_threads");
    const made = new WorkerThread(new URL("./read-thread.ts", import.meta.url), { workerData: path });
    made.unref();
    made.on("message", ({ id, rows, problem }: Answer) => {
      const one = waiting.get(id);
      waiting.delete(id);
      if (problem === undefined) one?.resolve(rows ?? []);
      else one?.reject(new Error(problem));
      if (waiting.size > 0) return;
      idle = setTimeout(() => void end(), idleMs);
      idle.unref();
    });
    made.on("error", (error) => gone(made, error as Error));
    made.on("exit", () => gone(made, new Error("the thread that reads the database ended")));
    thread = made;
    return made;
  }

  async function end(): Promise<void> {
    clearTimeout(idle);
    const old = await starting;
    if (old) gone(old, new Error("the database is closed"));
    await old?.terminate();
  }

  return {
    async read(text: string, parameters: readonly unknown[]): Promise<unknown[]> {
      if (closed) throw new Error("the database is closed");
      clearTimeout(idle);
      const id = ++lastId;
      const answer = new Promise<unknown[]>((resolve, reject) => waiting.set(id, { resolve, reject }));
      // Whoever asks is told below.
      answer.catch(() => {});
      starting ??= start();
      (await starting).postMessage({ id, text, parameters } satisfies Question);
      return answer;
    },
    close() {
      closed = true;
      return end();
    },
  };
}

/** SQLite for statements that only read and may take long: they run in a thread of their own. */
export function sqliteReadDialect(path: string): Dialect {
  const reader = createReader(path);
  const connection: DatabaseConnection = {
    async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
      return { rows: (await reader.read(sql, parameters)) as Row[] };
    },
    streamQuery() {
      throw new Error("nothing is read in pieces");
    },
  };
  const refuse = () => Promise.reject(new Error("this connection only reads"));
  return {
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connection,
      beginTransaction: refuse,
      commitTransaction: refuse,
      rollbackTransaction: refuse,
      releaseConnection: async () => {},
      destroy: () => reader.close(),
    }),
  };
}
