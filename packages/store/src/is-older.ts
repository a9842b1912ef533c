import { sql, type RawBuilder } from "kysely";

/** What comes after `at` and `id` in a list that is in the order of `column` and id, newest first. */
export function isOlder(column: string, { at, id }: { readonly at: number; readonly id: string }): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(column)}, id) < (${at}, ${id})`;
}
