import { z } from "zod";

export const routesView = z
  .object({
    routes: z.array(z.record(z.string(), z.unknown())),
    problems: z.array(z.unknown()),
    strategies: z.array(z.string()),
  })
  .meta({ id: "Routes" });
export type RoutesView = z.output<typeof routesView>;
export const routesInput = z.strictObject({ routes: z.array(z.unknown()).max(1000) }).meta({ id: "RoutesInput" });

export const explanation = z
  .object({
    model: z.string(),
    names: z.array(z.string()),
    route: z.string(),
    strategy: z.string(),
    candidates: z.array(
      z.object({
        target: z.string(),
        verdict: z.string(),
        why: z.string(),
        until: z.string().nullable(),
        fallback_on: z.array(z.string()),
      }),
    ),
    error: z.object({ code: z.string(), status: z.int(), message: z.string() }).nullable(),
  })
  .meta({ id: "Explanation" });
export type ExplanationView = z.output<typeof explanation>;
