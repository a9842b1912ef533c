import type { Kysely } from "kysely";
import type { Tables } from "./schema.ts";

/** Columns by name: their type, and `?` behind it where they may be empty. */
export async function table(
  database: Kysely<Tables>,
  name: string,
  columns: Readonly<Record<string, string>>,
): Promise<void> {
  let builder = database.schema.createTable(name);
  for (const [column, given] of Object.entries(columns)) {
    const type = given.replace("?", "") as "text" | "bigint" | "integer" | "double precision";
    builder = builder.addColumn(column, type, (definition) => {
      if (column === Object.keys(columns)[0]) return definition.primaryKey();
      return given.endsWith("?") ? definition : definition.notNull();
    });
  }
  await builder.execute();
}
