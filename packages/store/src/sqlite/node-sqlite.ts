import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { SqliteDialect, type SqliteDatabase } from "kysely";

/** Milliseconds a statement waits for another process's write to end. */
const busyTimeout = 5000;

/** Opens the file in WAL mode: readers never wait, and a commit survives the process being killed. */
export function openSqlite(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`pragma busy_timeout = ${busyTimeout}`);
  database.exec("pragma journal_mode = wal");
  // NORMAL never corrupts and loses at most the last commits when the machine itself loses power, none when the process dies.
  database.exec("pragma synchronous = normal");
  database.exec("pragma foreign_keys = on");
  return database;
}

/** Kysely expects better-sqlite3's shape; node:sqlite has all of it but `reader`. */
export function sqliteDialect(database: DatabaseSync): SqliteDialect {
  const adapter: SqliteDatabase = {
    close: () => database.close(),
    prepare(text) {
      const statement = database.prepare(text);
      const isReader = statement.columns().length > 0;
      return {
        reader: isReader,
        all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
      };
    },
  };
  return new SqliteDialect({ database: adapter });
}
