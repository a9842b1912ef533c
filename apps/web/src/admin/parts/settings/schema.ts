/** As much of JSON Schema as the settings use. */
export type Schema = {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
};

export type Path = readonly string[];

/** How a setting is shown: a control of its own, or JSON where none fits. */
export type Kind = "switch" | "number" | "choice" | "text" | "lines" | "group" | "json";

export function kindOf({ type, enum: choices, properties, items }: Schema): Kind {
  if (choices) return "choice";
  if (type === "boolean") return "switch";
  if (type === "number" || type === "integer") return "number";
  if (type === "string") return "text";
  if (type === "array" && items?.type === "string" && !items.enum) return "lines";
  if (type === "object" && properties && Object.keys(properties).length > 0) return "group";
  return "json";
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, name)
        ? (inner as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}

export const pathName = (path: Path): string => path.join(".");
