import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { requestFor } from "../harness.ts";
import { cases, type Case } from "./cases.ts";
import { foretold, manners, openStreet, type Manner, type Street } from "./street.ts";

const withNumber = <T>(value: T, number: number): T =>
  JSON.parse(JSON.stringify(value).replaceAll("{n}", String(number))) as T;
const numbered: readonly Case[] = cases.map((row, index) => withNumber(row, index));

const mistakes = [
  { pattern: "route-to-nowhere", targets: ["nowhere/x"] },
  { pattern: "route-half-there", targets: ["nowhere/x", "b/small"] },
  { pattern: "route-with-mistake", targets: [{ target: "a/small", wieght: 2 }] },
  { pattern: "/(/", targets: ["a/small"] },
];

async function ask(street: Street, row: Pick<Case, "model" | "request" | "headers" | "dialect">) {
  const dialect = row.dialect ?? "openai-chat";
  const stream = (row.request as { stream?: boolean } | undefined)?.stream ?? false;
  const { path, body } = requestFor(dialect, row.model, "Hello", stream);
  const answer = await street.gateway.post(path, { ...body, ...row.request }, row.headers);
  const text = await answer.text().catch(() => "");
  return { answer, text, id: answer.headers.get("x-request-id")! };
}

function questionOf({ model, request = {}, headers, dialect }: Case): object {
  const body = requestFor(dialect ?? "openai-chat", model, "Hello", false).body;
  return {
    model,
    request: { ...body, ...request },
    headers: headers ?? {},
    key: "first",
    ...(dialect ? { dialect } : {}),
  };
}

describe("a table of routes, conditions and failures", () => {
  let street: Street;
  beforeAll(async () => {
    street = await openStreet({
      routes: [
        ...mistakes,
        ...numbered.flatMap(({ route }) => (route ? [route] : [])),
        { pattern: "for-alias", targets: ["c/small"] },
        { pattern: "p13-twice", targets: ["b/small"] },
      ],
      aliases: { "alias-b": "b/small", "alias-of-alias": "alias-2", "alias-2": "for-alias" },
      breaker: { failures: 4, open_seconds: 60, longest_open_seconds: 60 },
      prices: [
        { provider: "a", model: "*", input: 2, output: 2 },
        { provider: "b", model: "*", input: 1, output: 1 },
        { provider: "c", model: "*", input: 3, output: 3 },
      ],
    });
  });
  afterAll(() => street.close());
  beforeEach(() => street.forget());

  test("there are sixty at the least", () => expect(cases.length).toBeGreaterThanOrEqual(60));

  test.each(numbered)("$name", async (row) => {
    for (const set of row.before ?? []) {
      street.manners = set;
      await ask(street, row);
    }
    street.manners = row.manners ?? {};
    const explanation = await street.explain(questionOf(row));
    const { answer, text, id } = await ask(street, row);
    const trace = await street.traceOf(id);

    expect({ tried: trace.tried, skipped: trace.skipped }).toEqual({ tried: row.tried, skipped: row.skipped ?? [] });
    expect([answer.status, text.slice(0, 300)]).toEqual([row.status ?? 200, expect.any(String)]);
    const told = foretold(explanation, street.manners);
    expect({ tried: told.tried, skipped: told.skipped }).toEqual({ tried: trace.tried, skipped: trace.skipped });
    expect(explanation.route).toBe(trace.route);
    if (trace.tried.length === 0) {
      expect(explanation.error).toMatchObject({ status: answer.status });
      // The times in a message go on.
      if (!/\d{4}-\d\d-\d\dT/.test(text))
        expect(text).toContain(JSON.stringify(explanation.error!.message).slice(1, 80));
    }
    expect(answer.headers.get("x-trunkline-route") ?? "").toBe(trace.route);
    expect(answer.headers.get("x-trunkline-attempts") ?? "0").toBe(String(trace.tried.length));
  });

  test("names of routes, and aliases of them, are among the models a client can list", async () => {
    const { data } = (await (await street.gateway.get("/v1/models")).json()) as {
      data: { id: string; owned_by: string }[];
    };
    const owner = (id: string) => data.find((model) => model.id === id)?.owned_by;
    expect([owner("for-alias"), owner("alias-2"), owner("route-half-there")]).toEqual(["c", "c", "b"]);
    expect(data.filter(({ id }) => id.includes("*") || id.startsWith("/"))).toEqual([]);
  });

  test("mistakes in routes are told of, and nothing else suffers", async () => {
    const health = (await (await street.gateway.get("/v1/health")).json()) as { route_problems: { pattern: string }[] };
    expect(health.route_problems.map(({ pattern }) => pattern).toSorted()).toEqual(
      mistakes.map(({ pattern }) => pattern).toSorted(),
    );
    expect(JSON.stringify(health.route_problems)).toContain("routes.2.targets.0.wieght: unknown setting");
  });
});

describe("the explanation agrees with what happens, whatever happened before", () => {
  const targets = ["a/small", { target: "b/small", weight: 3 }, { target: "c/large", when: { tools: false } }];
  const routes = ["priority", "weighted", "round-robin", "least-busy", "lowest-latency", "cheapest", "sticky"].map(
    (strategy) => ({ pattern: `${strategy}-*`, strategy, targets }),
  );
  let street: Street;
  beforeAll(async () => {
    street = await openStreet({ routes, breaker: { failures: 3, open_seconds: 60, longest_open_seconds: 60 } });
  });
  afterAll(() => street.close());

  const names = Object.keys(manners) as Manner[];
  const whole = names.filter((name) => !["empty", "late", "half", "silent"].includes(name));
  const step = fc.record({
    route: fc.constantFrom(...routes.map(({ strategy }) => strategy)),
    stream: fc.boolean(),
    session: fc.integer({ min: 0, max: 5 }),
    tools: fc.boolean(),
    a: fc.constantFrom(...whole, "ok" as const, "ok" as const),
    b: fc.constantFrom(...whole, "ok" as const),
    c: fc.constantFrom(...whole, "ok" as const),
    late: fc.constantFrom("empty" as const, "late" as const, "half" as const, undefined, undefined),
    forget: fc.integer({ min: 0, max: 4 }),
  });

  test("over runs of requests that fail in every way", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 12 }), async (steps) => {
        await street.forget();
        for (const { route, stream, session, tools, a, b, c, late, forget } of steps) {
          if (forget === 0) await street.forget();
          street.manners = { a: stream && late ? late : a, b, c };
          const row = {
            model: `${route}-x`,
            headers: { "x-session-id": `s${session}` },
            request: {
              stream,
              ...(tools
                ? { tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }] }
                : {}),
            },
          };
          const explanation = await street.explain(questionOf({ name: "", tried: [], ...row }));
          const { answer, id } = await ask(street, row);
          const trace = await street.traceOf(id);
          const told = foretold(explanation, street.manners);
          expect(trace.tried).toEqual(told.tried);
          expect(trace.skipped).toEqual(told.skipped);
          if (told.succeeds) expect(answer.status).toBe(200);
          if (told.tried.length === 0) expect(answer.status).toBe(explanation.error!.status);
        }
      }),
      { numRuns: 25 },
    );
  });
});
