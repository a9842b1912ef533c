import { asArray, asNumber, GatewayError, isObject, type JsonObject, type JsonValue } from "@trunkline/contracts";

/** Throws `invalid_request` naming the parameter as the client wrote it. */
export function reject(parameter: string, message: string): never {
  throw new GatewayError("invalid_request", message, { parameter });
}

/** Throws `unsupported_parameter`: the target could only answer in another form than asked. */
export function unsupported(parameter: string, target: string): never {
  throw new GatewayError("unsupported_parameter", `\`${parameter}\` is not supported by ${target} models.`, {
    parameter,
  });
}

/** What JSON calls the value's type, for messages. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function expected(parameter: string, what: string, value: unknown): never {
  return reject(parameter, `Invalid type for '${parameter}': expected ${what}, but got ${typeName(value)} instead.`);
}

type Kinds = { string: string; number: number; boolean: boolean; object: JsonObject; array: JsonValue[] };
const articles: Record<keyof Kinds, string> = {
  string: "a string",
  number: "a number",
  boolean: "a boolean",
  object: "an object",
  array: "an array",
};

function isKind(value: unknown, kind: keyof Kinds): boolean {
  if (kind === "array") return Array.isArray(value);
  if (kind === "object") return isObject(value);
  return kind === "number" ? asNumber(value) !== undefined : typeof value === kind;
}

/** The member when it has the type, undefined when absent or null; throws `invalid_request` otherwise. */
export function optional<K extends keyof Kinds>(
  body: JsonObject,
  name: string,
  kind: K,
  path = name,
): Kinds[K] | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!isKind(value, kind)) expected(path, articles[kind], value);
  return value as Kinds[K];
}

/** The member, which must be there and have the type. */
export function required<K extends keyof Kinds>(body: JsonObject, name: string, kind: K, path = name): Kinds[K] {
  const value = body[name];
  if (value === undefined || value === null) reject(path, `Missing required parameter: '${path}'.`);
  if (!isKind(value, kind)) expected(path, articles[kind], value);
  return value as Kinds[K];
}

/** The value as an object, which it must be. */
export function objectAt(value: unknown, path: string): JsonObject {
  if (!isObject(value)) expected(path, "an object", value);
  return value;
}

/** The member's objects, which all must be objects; empty when absent. */
export function objectsAt(body: JsonObject, name: string, path = name): JsonObject[] {
  return asArray(optional(body, name, "array", path)).map((item, index) => objectAt(item, `${path}[${index}]`));
}

/** A string or a list of strings, as a list. */
export function stringsAt(body: JsonObject, name: string): string[] | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  const list = Array.isArray(value) ? value : [value];
  return list.map((item, index) => (typeof item === "string" ? item : expected(`${name}[${index}]`, "a string", item)));
}

/** Names of the top-level members that are not in `known`. */
export function unknownMembers(body: JsonObject, known: ReadonlySet<string>): string[] {
  return Object.keys(body).filter((name) => !known.has(name));
}
