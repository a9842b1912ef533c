import { z } from "zod";

/** A point in time, ISO 8601 in UTC. */
export const time = z.iso.datetime().meta({ description: "A point in time, ISO 8601 in UTC." });
export const timeOrNull = time.nullable();
/** A name operators give: printable, on one line. */
export const name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, "has characters that cannot be shown");
export const notes = z.string().max(2000);

/** Asks for one page of a list. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Most items of a page."),
  cursor: z.string().max(500).optional().describe("Goes on where a page ended: its `next`."),
});

/** One page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe("What `cursor` goes on with; null at the end."),
  });
}

export type Page<Item> = { readonly items: readonly Item[]; readonly next: string | null };

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe("What is wrong, and what to do next."),
    code: z.string().describe("One of docs/reference/errors.md."),
    parameter: z.string().optional(),
    request_id: z.string(),
  })
  .meta({ id: "Problem", description: "RFC 9457." });
export type Problem = z.output<typeof problem>;
