import { isObject, type JsonObject, type JsonValue, type ResponseFormat } from "@trunkline/contracts";

/** Keywords whose value is a schema, a list of schemas, or a map of schemas. */
const nested = new Set(["items", "anyOf", "allOf", "oneOf", "prefixItems"]);
const maps = new Set(["properties", "$defs", "definitions"]);

/** The schema with `additionalProperties: false` on every object, which Anthropic's structured output and OpenAI's strict mode demand. */
export function closeObjects(schema: JsonObject): JsonObject {
  const closed: JsonObject = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (nested.has(keyword)) closed[keyword] = Array.isArray(value) ? value.map(closeValue) : closeValue(value);
    else if (maps.has(keyword) && isObject(value))
      closed[keyword] = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closeValue(member)]));
    else closed[keyword] = value;
  }
  if (schema["type"] === "object" || schema["properties"] !== undefined) closed["additionalProperties"] = false;
  return closed;
}

function closeValue(value: JsonValue | undefined): JsonValue {
  return isObject(value) ? closeObjects(value) : (value ?? null);
}

/** True when OpenAI's strict mode would accept the schema: every object closed and every property required. */
export function isStrictReady(schema: JsonValue | undefined): boolean {
  if (Array.isArray(schema)) return schema.every(isStrictReady);
  if (!isObject(schema)) return true;
  const properties = schema["properties"];
  if (schema["type"] === "object" || properties !== undefined) {
    if (schema["additionalProperties"] !== false) return false;
    const listed = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
    if (isObject(properties) && !Object.keys(properties).every((name) => listed.has(name))) return false;
  }
  return Object.entries(schema).every(([keyword, value]) => {
    if (nested.has(keyword)) return isStrictReady(value);
    return maps.has(keyword) && isObject(value) ? Object.values(value).every(isStrictReady) : true;
  });
}

/** The schema and strictness OpenAI's dialects send for a structured output: strict unless told otherwise, where the schema allows it. */
export function outputSchema(format: Extract<ResponseFormat, { type: "json-schema" }>): {
  schema: JsonObject;
  strict: boolean;
} {
  const wanted = format.strict ?? true;
  const schema = wanted ? closeObjects(format.schema) : format.schema;
  return { schema, strict: wanted && isStrictReady(schema) };
}
