import { GatewayError } from "@trunkline/contracts";
import type { z } from "zod";

/** A body as a schema has it. Throws GatewayError that names the first member that is wrong. */
export function readInput<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const name = path.join(".");
  const details = name === "" ? {} : { parameter: name };
  throw new GatewayError("invalid_request", name === "" ? `${message}.` : `'${name}': ${message}.`, details);
}

/** How many of a list are wanted. Throws GatewayError. */
export function readLimit(text: string | undefined, most: number, usual: number): number {
  if (text === undefined) return usual;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new GatewayError("invalid_request", `'limit' is a number from 1 to ${most}.`, { parameter: "limit" });
}

/** A page of a list, as OpenAI shows it. One more than wanted was asked for, to know whether there are more. */
export function shownPage<T extends { readonly id: string }>(
  found: readonly T[],
  limit: number,
  show: (item: T) => object,
): object {
  const page = found.slice(0, limit);
  return {
    object: "list",
    data: page.map(show),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: found.length > limit,
  };
}
