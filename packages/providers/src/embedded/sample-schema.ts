import { asArray, asObject, asString, isObject, type JsonObject, type JsonValue } from "@trunkline/contracts";

const deepest = 16;

/** A value the schema accepts, with `text` wherever any text will do. Meant for trying clients; constraints on numbers and patterns are not searched for. */
export function sampleOf(schema: JsonObject, text: string, root: JsonObject = schema, depth = 0): JsonValue {
  if (depth > deepest) return null;
  const reference = asString(schema["$ref"]);
  if (reference?.startsWith("#/")) {
    const found = reference
      .slice(2)
      .split("/")
      .reduce<JsonValue | undefined>((value, step) => (isObject(value) ? value[step] : undefined), root);
    return isObject(found) ? sampleOf(found, text, root, depth + 1) : null;
  }
  if (schema["const"] !== undefined) return schema["const"];
  if (schema["default"] !== undefined) return schema["default"];
  const choices = asArray(schema["enum"]);
  if (choices.length > 0) return choices[0]!;
  const alternative = [...asArray(schema["anyOf"]), ...asArray(schema["oneOf"]), ...asArray(schema["allOf"])].find(
    isObject,
  );
  if (alternative && schema["type"] === undefined) return sampleOf(alternative, text, root, depth + 1);
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  switch (type) {
    case "string":
      return text;
    case "integer":
    case "number":
      return typeof schema["minimum"] === "number" ? schema["minimum"] : 0;
    case "boolean":
      return true;
    case "null":
      return null;
    case "array": {
      const items = asObject(schema["items"]);
      return items ? [sampleOf(items, text, root, depth + 1)] : [];
    }
    default: {
      const properties = asObject(schema["properties"]) ?? {};
      return Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [
          name,
          sampleOf(asObject(member) ?? {}, text, root, depth + 1),
        ]),
      );
    }
  }
}
