import { isObject, type JsonObject, type JsonValue } from "@trunkline/contracts";

/** Members whose content is the client's own and must keep its names. */
const opaque = new Set([
  "args",
  "response",
  "parameters",
  "parametersJsonSchema",
  "responseSchema",
  "responseJsonSchema",
  "labels",
]);

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Google's JSON takes `snake_case` for every member as well; we read one form. */
export function camelMembers(value: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(value)) return value.map((item) => camelMembers(item) ?? null);
  if (!isObject(value)) return value;
  const renamed: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    const key = name.includes("_") ? camel(name) : name;
    renamed[key] = opaque.has(key) ? member : camelMembers(member);
  }
  return renamed;
}
