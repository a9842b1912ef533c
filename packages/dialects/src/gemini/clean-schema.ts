import { asArray, asString, isObject, type JsonObject, type JsonValue } from "@trunkline/contracts";

/** Keywords of Google's Schema object (an OpenAPI 3.0 subset) that are copied as they are. */
const kept = new Set([
  "title",
  "description",
  "nullable",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "minLength",
  "maxLength",
  "pattern",
  "minimum",
  "maximum",
  "propertyOrdering",
  "default",
]);

const formats = new Set(["enum", "date-time", "int32", "int64", "float", "double"]);

/** References followed into each other; past it a recursive schema is cut to a plain object. */
const deepest = 32;

/**
 * A JSON Schema as Google's Schema object. What it cannot say is turned into what it can: `$ref` is put in place, `const` becomes an
 * enum, a list of types becomes `anyOf` or `nullable`, exclusive bounds become inclusive ones; other keywords go.
 */
export function cleanSchema(schema: JsonObject): JsonObject {
  return clean(schema, schema, 0);
}

function resolve(root: JsonObject, reference: string): JsonObject | undefined {
  if (!reference.startsWith("#")) return undefined;
  let value: JsonValue | undefined = root;
  for (const step of reference.slice(1).split("/").filter(Boolean)) {
    const name = decodeURIComponent(step).replace(/~1/g, "/").replace(/~0/g, "~");
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return isObject(value) ? value : undefined;
}

function clean(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  if (depth > deepest) return { type: "OBJECT" };
  const reference = asString(schema["$ref"]);
  if (reference !== undefined) {
    const { $ref: _reference, ...beside } = schema;
    return clean({ ...resolve(root, reference), ...beside }, root, depth + 1);
  }
  if (Array.isArray(schema["allOf"])) {
    const { allOf, ...beside } = schema;
    return clean(mergeAll([...(allOf as JsonValue[]).filter(isObject), beside]), root, depth + 1);
  }
  const cleaned: JsonObject = {};
  for (const [keyword, value] of Object.entries(schema)) if (kept.has(keyword)) cleaned[keyword] = value;
  const below = (value: JsonValue | undefined) =>
    isObject(value) ? clean(value, root, depth + 1) : { type: "STRING" };

  typeOf(schema, cleaned);
  const values = schema["const"] === undefined ? asArray(schema["enum"]) : [schema["const"]];
  // Enums are of strings only, and never of empty ones.
  const names = values.filter((value) => value !== null && value !== "").map(String);
  if (names.length > 0 && !["OBJECT", "ARRAY"].includes(String(cleaned["type"]))) {
    cleaned["type"] = "STRING";
    cleaned["enum"] = names;
    if (values.includes(null)) cleaned["nullable"] = true;
  }
  if (typeof schema["format"] === "string" && formats.has(schema["format"])) cleaned["format"] = schema["format"];
  if (typeof schema["exclusiveMinimum"] === "number") cleaned["minimum"] = schema["exclusiveMinimum"];
  if (typeof schema["exclusiveMaximum"] === "number") cleaned["maximum"] = schema["exclusiveMaximum"];
  if (isObject(schema["properties"])) {
    const properties = Object.entries(schema["properties"]).map(([name, value]): [string, JsonObject] => [
      name,
      below(value),
    ]);
    cleaned["properties"] = Object.fromEntries(properties);
    const names = new Set(properties.map(([name]) => name));
    const required = asArray(schema["required"]).filter((name) => typeof name === "string" && names.has(name));
    if (required.length > 0) cleaned["required"] = required;
    cleaned["type"] ??= "OBJECT";
  }
  if (cleaned["type"] === "ARRAY")
    cleaned["items"] = below(Array.isArray(schema["items"]) ? schema["items"][0] : schema["items"]);
  const alternatives = asArray(schema["anyOf"] ?? schema["oneOf"]).filter(isObject);
  if (alternatives.length > 0)
    addAlternatives(
      cleaned,
      alternatives.map((one) => ({ one, schema: below(one) })),
    );
  if (cleaned["type"] === undefined && cleaned["anyOf"] === undefined) cleaned["type"] = "OBJECT";
  return cleaned;
}

function addAlternatives(cleaned: JsonObject, alternatives: readonly { one: JsonObject; schema: JsonObject }[]): void {
  const real = alternatives.filter(({ one }) => one["type"] !== "null");
  if (real.length < alternatives.length) cleaned["nullable"] = true;
  if (real.length === 1)
    Object.assign(cleaned, {
      ...real[0]!.schema,
      ...(cleaned["description"] === undefined ? {} : { description: cleaned["description"] }),
    });
  else if (real.length > 1) cleaned["anyOf"] = real.map(({ schema }) => schema);
}

function typeOf(schema: JsonObject, cleaned: JsonObject): void {
  const types = Array.isArray(schema["type"]) ? schema["type"] : [schema["type"]];
  const real = types.filter((type): type is string => typeof type === "string" && type.toLowerCase() !== "null");
  if (real.length < types.length && schema["type"] !== undefined) cleaned["nullable"] = true;
  if (real.length === 1) cleaned["type"] = real[0]!.toUpperCase();
  else if (real.length > 1) cleaned["anyOf"] = real.map((type) => ({ type: type.toUpperCase() }));
}

function mergeAll(schemas: readonly JsonObject[]): JsonObject {
  const merged: JsonObject = {};
  for (const schema of schemas) {
    const properties = {
      ...(merged["properties"] as JsonObject | undefined),
      ...(schema["properties"] as JsonObject | undefined),
    };
    const required = [...asArray(merged["required"]), ...asArray(schema["required"])];
    Object.assign(merged, schema);
    if (Object.keys(properties).length > 0) merged["properties"] = properties;
    if (required.length > 0) merged["required"] = [...new Set(required)];
  }
  return merged;
}

/** Google's Schema object as JSON Schema: types in lower case, `nullable` as a type. */
export function plainSchema(schema: JsonObject): JsonObject {
  const plain: JsonObject = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "nullable" || keyword === "propertyOrdering") continue;
    if (keyword === "type" && typeof value === "string") plain["type"] = value.toLowerCase();
    else if (keyword === "properties" && isObject(value)) {
      plain["properties"] = Object.fromEntries(
        Object.entries(value).map(([name, member]) => [
          name,
          isObject(member) ? plainSchema(member) : (member ?? null),
        ]),
      );
    } else if (keyword === "items" && isObject(value)) plain["items"] = plainSchema(value);
    else if (keyword === "anyOf" && Array.isArray(value))
      plain["anyOf"] = value.map((one) => (isObject(one) ? plainSchema(one) : one));
    else plain[keyword] = value;
  }
  if (schema["nullable"] === true && typeof plain["type"] === "string") plain["type"] = [plain["type"], "null"];
  return plain;
}
