import { asString, type JsonObject, type Tool } from "@trunkline/contracts";
import { wrappedArgument } from "./tool-names.ts";

/** The schema of a freeform tool wrapped as a function. */
export const wrappedSchema: JsonObject = {
  type: "object",
  properties: { [wrappedArgument]: { type: "string", description: "The tool's whole input, as free text." } },
  required: [wrappedArgument],
  additionalProperties: false,
};

/** The description of a freeform tool wrapped as a function; its grammar would be lost otherwise. */
export function wrappedDescription(tool: Extract<Tool, { kind: "custom" }>): string {
  const definition = asString(tool.format?.["definition"]);
  const grammar =
    definition === undefined
      ? ""
      : `\n\nThe input must follow this ${asString(tool.format?.["syntax"]) ?? ""} grammar:\n${definition}`;
  return `${tool.description ?? ""}${grammar}`;
}
