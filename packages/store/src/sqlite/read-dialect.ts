import { Worker } from "node:worker_threads";
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
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;
  let closed = false;

  function gone(which: Worker, error: Error): void {
    if (thread !== which) return;
    thread = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function start(): Worker {
    const made = new Worker(new URL("./read-thread.ts", import.meta.url), { workerData: path });
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
    return made;
  }

  async function end(): Promise<void> {
    clearTimeout(idle);
    const old = thread;
    if (old) gone(old, new Error("the database is closed"));
    await old?.terminate();
  }

  return {
    read(text: string, parameters: readonly unknown[]): Promise<unknown[]> {
      if (closed) return Promise.reject(new Error("the database is closed"));
      clearTimeout(idle);
      thread ??= start();
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        thread!.postMessage({ id, text, parameters } satisfies Question);
      });
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
