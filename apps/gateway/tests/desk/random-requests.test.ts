import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { endpoints } from "../../src/desk/endpoints/index.ts";
import type { AnyEndpoint } from "../../src/desk/endpoint.ts";
import { operatorPurpose } from "../../src/desk/who.ts";
import { startDesk, type Json, type TestDesk } from "./desk.ts";

/** Requests made up from the description of each address. */
const runs = 25;

let desk: TestDesk;
let description: Json;
let token: string;
beforeAll(async () => {
  desk = await startDesk({ alerts: { check_seconds: 3600 } });
  description = (await desk.as("admin")("GET", "/openapi.json")).body;
  // The command line's: who fails to sign in is locked out, and a test of everything fails often.
  token = desk.gateway.started.gateway.secretBox.token(operatorPurpose);
});
afterAll(() => desk?.close());

type Schema = Json;

/** What nobody would send on purpose. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    1e308,
    "",
    "\0",
    "'; drop table keys; --",
    "../../etc/passwd",
    "__proto__",
    {},
    [],
  ),
  fc.string({ maxLength: 5000 }),
  fc.integer(),
  fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
);

/** Values a schema allows, mostly. */
function valuesOf(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  if (!schema || depth > 6) return strange;
  if (schema.$ref) return valuesOf(description.components.schemas[schema.$ref.split("/").at(-1)], depth + 1);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map((one: Schema) => valuesOf(one, depth + 1)));
  switch (schema.type) {
    case "object": {
      const members = Object.entries(schema.properties ?? {}).map(
        ([name, inner]) => [name, valuesOf(inner, depth + 1)] as const,
      );
      return fc.record(Object.fromEntries(members), { requiredKeys: schema.required ?? [] });
    }
    case "array":
      return fc.array(valuesOf(schema.items, depth + 1), { maxLength: 4 });
    case "integer":
      return fc.integer({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 1e6, 1e6) });
    case "number":
      return fc.double({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 1e6, 1e6), noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "string":
      // Nothing is sent anywhere but to this machine.
      if (schema.format === "uri") return fc.constant("http://127.0.0.1:9/");
      if (schema.format === "date-time") return fc.date({ noInvalidDate: true }).map((at) => at.toISOString());
      if (schema.format === "email") return fc.constant("a@example.com");
      return fc.string({ maxLength: Math.min(schema.maxLength ?? 60, 200) });
    default:
      return strange;
  }
}

const sometimes = (usual: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: strange });

function requestsOf(endpoint: AnyEndpoint) {
  const operation =
    description.paths[`/admin/api${endpoint.path.replace("/*", "/{name}")}`][endpoint.method.toLowerCase()];
  const parameters = (where: string) =>
    fc.record(
      Object.fromEntries(
        operation.parameters
          .filter((parameter: Json) => parameter.in === where)
          .map((parameter: Json) => [parameter.name, sometimes(valuesOf(parameter.schema))]),
      ),
      { requiredKeys: [] },
    );
  const body = operation.requestBody?.content["application/json"].schema;
  return fc.record({
    query: parameters("query"),
    path: parameters("path"),
    body: body ? sometimes(valuesOf(body)) : fc.constant(undefined),
    match: fc.constantFrom("*", '"wrong"', "junk"),
  });
}

/** Those that answer for as long as one listens, or send a browser elsewhere. */
const notAsked = new Set(["/exchanges/live", "/oidc/login", "/oidc/callback"]);
const text = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

describe("whatever is sent, nothing breaks, and what is answered is what is described:", () => {
  test.each(
    endpoints
      .filter(({ path }) => !notAsked.has(path))
      .map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const),
  )("%s", { timeout: 120_000 }, async (_name, endpoint) => {
    await fc.assert(
      fc.asyncProperty(requestsOf(endpoint), async ({ query, path, body, match }) => {
        const at = endpoint.path
          .replaceAll(
            /\{(\w+)\}/g,
            (_all, name: string) => encodeURIComponent(text((path as Json)[name] ?? "x")) || "x",
          )
          .replace("*", () => encodeURIComponent(text((path as Json)["name"] ?? "x")));
        const search = new URLSearchParams(
          Object.entries(query as Record<string, unknown>).map(([name, value]) => [name, text(value)]),
        );
        const answer = await fetch(`${desk.gateway.origin}/admin/api${at}?${search}`, {
          method: endpoint.method,
          redirect: "manual",
          headers: {
            authorization: `Bearer ${token}`,
            "if-match": match,
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const said = await answer.text();
        expect([answer.status, said.slice(0, 300)]).not.toEqual([500, expect.anything()]);
        expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400) {
          expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
          expect(JSON.parse(said)).toMatchObject({ status: answer.status, detail: expect.stringMatching(/\w/) });
        } else if (endpoint.answer && answer.status !== 304) {
          const checked = (endpoint.answer as z.ZodType).safeParse(JSON.parse(said));
          expect(checked.error?.issues ?? []).toEqual([]);
        }
      }),
      { numRuns: runs, seed: 7 },
    );
  });
});
