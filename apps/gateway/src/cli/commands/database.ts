import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { loadConfig } from "../../config/load-config.ts";
import { CommandError, exitCodes, withStore, type CommandContext } from "../context.ts";

/** Where the database is and what it holds. */
export async function databaseInfo(context: CommandContext): Promise<number> {
  const location = loadConfig(context.home.configFile, context.environment).database ?? context.home.databaseFile;
  const info = await withStore(context, async ({ database }) => {
    const count = async (name: "exchanges" | "keys" | "responses") =>
      Number(
        (
          await database
            .selectFrom(name)
            .select((expression) => expression.fn.countAll().as("count"))
            .executeTakeFirstOrThrow()
        ).count,
      );
    const migrations = await database.selectFrom("migrations").select("name").orderBy("name").execute();
    return {
      schema: migrations.at(-1)?.name ?? null,
      exchanges: await count("exchanges"),
      keys: await count("keys"),
      responses: await count("responses"),
    };
  });
  const shown = location.replace(/\/\/([^:/@]+):[^@]+@/, "//$1:…@");
  const bytes = existsSync(location) ? statSync(location).size : null;
  context.print({ location: shown, bytes, ...info }, () =>
    [
      `location   ${shown}`,
      ...(bytes === null ? [] : [`size       ${(bytes / 1024 / 1024).toFixed(1)} MiB`]),
      `schema     ${info.schema}`,
      `exchanges  ${info.exchanges}`,
      `keys       ${info.keys}`,
      `responses  ${info.responses}`,
    ].join("\n"),
  );
  return exitCodes.ok;
}

/** SQLite's own look at every page; fails when it finds damage. */
export async function databaseCheck(context: CommandContext): Promise<number> {
  const problems = await withStore(context, (store) => store.check());
  context.print({ ok: problems.length === 0, problems }, () =>
    problems.length === 0 ? "The database is sound." : problems.join("\n"),
  );
  return problems.length === 0 ? exitCodes.ok : exitCodes.failed;
}

/** A consistent copy of the database, also beside a running gateway. */
export async function backup(context: CommandContext, file: string | undefined): Promise<number> {
  const target = resolve(file ?? `trunkline-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}.db`);
  await withStore(context, (store) => store.backup(target)).catch((error: Error) => {
    throw new CommandError(error.message);
  });
  context.print(
    { file: target },
    () => `Wrote ${target}. Keep it with ${context.home.secretFile}: without that file no key in it can be checked.`,
  );
  return exitCodes.ok;
}
