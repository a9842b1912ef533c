import type { Page } from "@trunkline/admin/api";
import { GatewayError } from "@trunkline/contracts";

/** A page of what is in memory, or small: the cursor is the name of the last item shown. */
export function pageOfAll<Item>(
  items: readonly Item[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  nameOf: (item: Item) => string,
): Page<Item> {
  let from = 0;
  if (cursor !== undefined) {
    from = items.findIndex((item) => nameOf(item) === cursor) + 1;
    if (from === 0) throw badCursor();
  }
  const page = items.slice(from, from + limit);
  return { items: page, next: from + limit < items.length ? nameOf(page.at(-1)!) : null };
}

/** A page of what was asked for with one more than is wanted. */
export function pageOfFound<Found, Item>(
  found: readonly Found[],
  limit: number,
  cursorOf: (found: Found) => string,
  show: (found: Found) => Item,
): Page<Item> {
  const page = found.slice(0, limit);
  return { items: page.map(show), next: found.length > limit ? cursorOf(page.at(-1)!) : null };
}

export function badCursor(): GatewayError {
  return new GatewayError(
    "invalid_request",
    "The cursor is none of this list, or what it stood at is gone. Begin again without `cursor`.",
    { parameter: "cursor" },
  );
}

/** A cursor that is a number. */
export function numberCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const number = Number(cursor);
  if (!Number.isSafeInteger(number) || number < 0) throw badCursor();
  return number;
}

/** `time id`: where a list stands that is in the order of both. */
export function timeCursor(cursor: string | undefined): { at: number; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [at = "", id = ""] = cursor.split(" ");
  if (!/^\d{1,16}$/.test(at) || id === "") throw badCursor();
  return { at: Number(at), id };
}
