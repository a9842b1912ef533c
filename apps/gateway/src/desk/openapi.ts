import { problem } from "@trunkline/admin/api";
import { z } from "zod";
import { version } from "../version.ts";
import type { AnyEndpoint } from "./endpoint.ts";
import { prefix } from "./serve.ts";

type JsonSchema = Record<string, unknown>;

/** A schema with what it names moved to the components. */
function schemaOf(schema: z.ZodType, io: "input" | "output", components: JsonSchema): JsonSchema {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" }) as JsonSchema;
  const { $defs = {}, $schema: _schema, ...rest } = made as { $defs?: JsonSchema; $schema?: string };
  for (const [name, definition] of Object.entries($defs)) {
    const { id: _id, ...body } = definition as JsonSchema;
    components[name] ??= pointed(body);
  }
  const { id, ...body } = rest as JsonSchema;
  if (typeof id !== "string") return pointed(body) as JsonSchema;
  components[id] ??= pointed(body);
  return { $ref: `#/components/schemas/${id}` };
}

/** References go to the components instead of the schema's own definitions. */
function pointed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== "$schema")
      .map(([name, member]) => [
        name,
        name === "$ref" && typeof member === "string"
          ? member.replace("#/$defs/", "#/components/schemas/")
          : pointed(member),
      ]),
  );
}

function parametersOf(endpoint: AnyEndpoint, components: JsonSchema): object[] {
  const of = (schema: z.ZodType | undefined, where: "path" | "query") => {
    if (!schema) return [];
    const { properties = {}, required = [] } = schemaOf(schema, "input", components) as {
      properties?: Record<string, JsonSchema>;
      required?: string[];
    };
    return Object.entries(properties)
      .filter(([name]) => where === "query" || endpoint.path.includes(`{${name}}`) || name === "*")
      .map(([name, { description, ...rest }]) => ({
        name: name === "*" ? "name" : name,
        in: where,
        required: where === "path" || required.includes(name),
        ...(description === undefined ? {} : { description }),
        schema: rest,
      }));
  };
  const match = {
    name: "If-Match",
    in: "header",
    required: true,
    description: "The `ETag` of what was read, or `*`.",
    schema: { type: "string" },
  };
  const once = {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: "The same request with the same key is done once.",
    schema: { type: "string", minLength: 1, maxLength: 255 },
  };
  return [
    ...of(endpoint.params, "path"),
    ...of(endpoint.query, "query"),
    ...(endpoint.needsMatch ? [match] : []),
    ...(endpoint.method === "POST" ? [once] : []),
  ];
}

function operationId({ method, path }: AnyEndpoint): string {
  const words = path.split("/").flatMap((part) => part.replaceAll(/[{}*]/g, "").split("-"));
  return (
    method.toLowerCase() +
    words
      .filter((word) => word !== "")
      .map((word) => word[0]!.toUpperCase() + word.slice(1))
      .join("")
  );
}

/** OpenAPI 3.1 of the admin API, from the schemas it is served with. */
export function openApiOf(endpoints: readonly AnyEndpoint[]): object {
  const components: JsonSchema = {};
  const problemRef = schemaOf(problem, "output", components);
  const failure = (description: string) => ({
    description,
    content: { "application/problem+json": { schema: problemRef } },
  });
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of endpoints) {
    const path = prefix + endpoint.path.replace("/*", "/{name}");
    const status = String(endpoint.status ?? 200);
    const success =
      endpoint.status === 204
        ? { description: "Done." }
        : {
            description: "Done.",
            content: endpoint.answer
              ? { "application/json": { schema: schemaOf(endpoint.answer, "output", components) } }
              : { [endpoint.type ?? "text/plain"]: { schema: { type: "string" } } },
          };
    (paths[path] ??= {})[endpoint.method.toLowerCase()] = {
      operationId: operationId(endpoint),
      tags: [endpoint.tag],
      summary: endpoint.summary,
      "x-scope": endpoint.scope,
      security: endpoint.scope === null ? [] : [{ session: [] }, { basic: [] }],
      parameters: parametersOf(endpoint, components),
      ...(endpoint.body
        ? {
            requestBody: {
              required: true,
              content: { "application/json": { schema: schemaOf(endpoint.body, "input", components) } },
            },
          }
        : {}),
      responses: { [status]: success, default: failure("What went wrong, and what to do next.") },
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Trunkline admin API",
      version,
      description:
        "What the dashboard does, for scripts: sign in with HTTP Basic. Lists come in pages (`cursor` is the `next` of the page before); what is changed needs the `ETag` that was read as `If-Match`.",
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "trunkline_session" },
        basic: { type: "http", scheme: "basic" },
      },
    },
  };
}
