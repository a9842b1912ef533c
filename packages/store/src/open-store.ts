import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { Kysely, PostgresDialect, sql } from "kysely";
import { createKeyTable, type KeyTable } from "./keys.ts";
import { migrate } from "./migrations.ts";
import { createAppendRows as createPostgresAppend } from "./postgres/append-rows.ts";
import { createExchangeTable, type ExchangeTable } from "./exchanges.ts";
import { pruneResponsesBefore } from "./prune.ts";
import { newId } from "@trunkline/contracts";
import { createBudgetTable, type BudgetTable } from "./budgets.ts";
import { createAccountStateTable } from "./account-states.ts";
import { createCredentialTable } from "./credentials.ts";
import { createLoginTable } from "./logins.ts";
import { reseal } from "./reseal.ts";
import { createWorkerTokenTable } from "./worker-tokens.ts";
import { createAdminSessionTable, createSignInFailureTable } from "./desk/admin-sessions.ts";
import { createAlertTable } from "./desk/alerts.ts";
import { createAuditTable, type Audited, type AuditedBy, type AuditTable } from "./desk/audit.ts";
import { createConfigVersionTable, createIdempotentAnswerTable } from "./desk/config-versions.ts";
import { createUserTable, type UserTable } from "./desk/users.ts";
import { sqliteReadDialect } from "./sqlite/read-dialect.ts";
import { createStatistics, pruneStatistics, type Statistics } from "./statistics/statistics.ts";
import { createBatchTable, type BatchTable } from "./jobs/batches.ts";
import { createFileTable, type FileTable } from "./jobs/files.ts";
import { createScheduleTable, type ScheduleTable } from "./jobs/schedules.ts";
import { createTaskTable, type TaskTable } from "./jobs/tasks.ts";
import { createWebhookSecretTable } from "./jobs/webhook-secrets.ts";
import { createKillSwitchTable } from "./kill-switches.ts";
import { createContentTable } from "./contents.ts";
import { createResponseTable } from "./responses.ts";
import { packRows, type PackedRows, type PricedExchange } from "./rows.ts";
import type { Tables } from "./schema.ts";
import type { SecretBox } from "./secret-box.ts";
import { createSessionTable } from "./sessions.ts";
import { createAppendRows as createSqliteAppend } from "./sqlite/append-rows.ts";
import { openSqlite, sqliteDialect } from "./sqlite/node-sqlite.ts";

export type StoreOptions = {
  /** A file's path, or a `postgres://` address. */
  readonly location: string;
  readonly secretBox: SecretBox;
  readonly now: () => number;
};

/** What operators change, where an entry of the audit log goes with it. */
export type DeskTables = {
  readonly keys: KeyTable;
  readonly killSwitches: ReturnType<typeof createKillSwitchTable>;
  readonly workerTokens: ReturnType<typeof createWorkerTokenTable>;
  readonly users: UserTable;
  readonly adminSessions: ReturnType<typeof createAdminSessionTable>;
  readonly alerts: ReturnType<typeof createAlertTable>;
  readonly configVersions: ReturnType<typeof createConfigVersionTable>;
};

export type Store = DeskTables & {
  readonly database: Kysely<Tables>;
  /** For questions that only read and may take long: they hold nobody up. */
  readonly reader: Kysely<Tables>;
  readonly exchanges: ExchangeTable;
  readonly contents: ReturnType<typeof createContentTable>;
  readonly statistics: Statistics;
  readonly audit: AuditTable;
  readonly signInFailures: ReturnType<typeof createSignInFailureTable>;
  readonly idempotentAnswers: ReturnType<typeof createIdempotentAnswerTable>;
  /** Changes something and writes it into the audit log: both or neither. Nothing but statements may happen in it. */
  audited<T>(who: AuditedBy, change: (tables: DeskTables) => Promise<Audited<T>>): Promise<T>;
  readonly responses: ReturnType<typeof createResponseTable>;
  readonly sessions: ReturnType<typeof createSessionTable>;
  readonly budgets: BudgetTable;
  readonly accountStates: ReturnType<typeof createAccountStateTable>;
  readonly credentials: ReturnType<typeof createCredentialTable>;
  readonly logins: ReturnType<typeof createLoginTable>;
  readonly tasks: TaskTable;
  readonly files: FileTable;
  readonly batches: BatchTable;
  readonly schedules: ScheduleTable;
  readonly webhookSecrets: ReturnType<typeof createWebhookSecretTable>;
  /** Seals everything anew that is not sealed under the newest root of `secret.key`; how many values that were. */
  reseal(): Promise<number>;
  /** All of them or none, on disk when it returns. */
  appendExchanges(exchanges: readonly PricedExchange[]): Promise<void>;
  /** The same for rows another process has packed. */
  appendRows(rows: PackedRows): Promise<void>;
  /** The same for exchanges another process may have written already: those it has are left alone. */
  appendMissing(exchanges: readonly PricedExchange[]): Promise<void>;
  prune(
    before: { exchanges: number; responses: number; budgets: number; tasks: number; statistics: number },
    signal: AbortSignal,
  ): Promise<number>;
  /**
   * From now on a database that is locked is refused at once instead of waited for: SQLite's own waiting stops the whole process. What
   * serves requests says so once it has started, and tries again in its own time.
   */
  neverWait(): void;
  /** What is damaged, by the database's own look at it; empty when nothing is. */
  check(): Promise<string[]>;
  /** A consistent copy beside live traffic. SQLite only. */
  backup(path: string): Promise<void>;
  close(): Promise<void>;
};

const dayMs = 86_400_000;

/** Opens the database, brings it to the newest schema, and hands out its tables. */
export async function openStore({ location, secretBox, now }: StoreOptions): Promise<Store> {
  // Tells this process's reservations from others'.
  const holder = newId("proc_");
  const isPostgres = /^postgres(ql)?:\/\//.test(location);
  const opened = isPostgres ? await openPostgres(location, holder) : openFile(location, holder);
  const { database } = opened;
  try {
    await migrate(database, now(), isPostgres);
  } catch (error) {
    await database.destroy();
    throw error;
  }
  const reader = opened.reader();
  const exchanges = createExchangeTable(database, reader, isPostgres);
  const contents = createContentTable(database, secretBox);
  const audit = createAuditTable(database, isPostgres);
  const signInFailures = createSignInFailureTable(database);
  const idempotentAnswers = createIdempotentAnswerTable(database, secretBox);
  const deskTables = (using: Kysely<Tables>): DeskTables => ({
    keys: createKeyTable(using, secretBox, now),
    killSwitches: createKillSwitchTable(using),
    workerTokens: createWorkerTokenTable(using, secretBox),
    users: createUserTable(using, secretBox),
    adminSessions: createAdminSessionTable(using, secretBox),
    alerts: createAlertTable(using, secretBox),
    configVersions: createConfigVersionTable(using, secretBox),
  });
  const desk = deskTables(database);
  const tasks = createTaskTable(database, secretBox, holder);
  const files = createFileTable(database, secretBox);
  const schedules = createScheduleTable(database, secretBox, tasks);
  const budgets = createBudgetTable(database, holder, opened.file);
  return {
    database,
    reader,
    exchanges,
    ...desk,
    contents,
    statistics: createStatistics(database, reader, now),
    audit,
    signInFailures,
    idempotentAnswers,
    audited: (who, change) => audit.record(who, (transaction) => change(deskTables(transaction))),
    responses: createResponseTable(database, secretBox),
    sessions: createSessionTable(database, secretBox),
    budgets,
    accountStates: createAccountStateTable(database, now),
    credentials: createCredentialTable(database, secretBox, now),
    logins: createLoginTable(database, secretBox),
    tasks,
    files,
    batches: createBatchTable(database, holder),
    schedules,
    webhookSecrets: createWebhookSecretTable(database, secretBox),
    reseal: () => reseal(database, secretBox),
    appendExchanges: (given) => opened.append(packRows(given)),
    appendRows: opened.append,
    async appendMissing(exchanges) {
      const ids = exchanges.map(({ record }) => record.id);
      const found = await database.selectFrom("exchanges").select("id").where("id", "in", ids).execute();
      const known = new Set(found.map(({ id }) => id));
      const missing = exchanges.filter(({ record }) => !known.has(record.id));
      if (missing.length > 0) await opened.append(packRows(missing));
    },
    async prune(before, signal) {
      await pruneResponsesBefore(database, before.responses);
      await budgets.prune(before.budgets);
      await tasks.prune(before.tasks);
      await schedules.prune(before.tasks);
      await files.prune(now());
      await pruneStatistics(database, now(), before.statistics);
      await contents.prune(before.exchanges);
      await desk.adminSessions.prune(now());
      await desk.alerts.prune(before.exchanges);
      await signInFailures.prune(now() - dayMs);
      await idempotentAnswers.prune(now() - dayMs);
      return exchanges.prune(before.exchanges, signal);
    },
    async check() {
      if (isPostgres) return [];
      const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(database);
      return rows.map((row) => row.integrity_check).filter((text) => text !== "ok");
    },
    neverWait: opened.neverWait,
    backup: opened.backup,
    async close() {
      if (reader !== database) await reader.destroy();
      await database.destroy();
    },
  };
}

function openFile(path: string, holder: string) {
  // SQLite would make the file readable for all: it is made first, and its companions take its mode.
  if (!existsSync(path)) writeFileSync(path, "", { mode: 0o600, flag: "a" });
  chmodSync(path, 0o600);
  const file = openSqlite(path);
  const database = new Kysely<Tables>({ dialect: sqliteDialect(file) });
  return {
    database,
    file,
    reader: () => new Kysely<Tables>({ dialect: sqliteReadDialect(path) }),
    append: createSqliteAppend(file, holder),
    neverWait: () => file.exec("pragma busy_timeout = 0"),
    backup: async (target: string) => {
      if (existsSync(target)) throw new Error(`${target} exists already; name a file that does not.`);
      file.prepare("vacuum into ?").run(target);
      chmodSync(target, 0o600);
    },
  };
}

async function openPostgres(address: string, holder: string) {
  // Loaded only where it is used: most installations keep to a file.
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: address, max: 10 });
  // A lost idle connection is replaced at the next query; without a listener it would end the process.
  pool.on("error", () => {});
  const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    database,
    file: undefined,
    reader: () => database,
    append: createPostgresAppend(database, holder),
    neverWait: () => {},
    backup: () => Promise.reject(new Error("`trunkline backup` copies SQLite files; use pg_dump for PostgreSQL.")),
  };
}
