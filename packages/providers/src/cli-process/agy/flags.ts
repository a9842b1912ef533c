import type { Conversation } from "@trunkline/contracts";

/** Oldest version that reads turns on its input (`--input-format stream-json`). */
export const oldest = "1.1.15";

export type Launch = {
  readonly model: string;
  readonly effort: string | undefined;
  /** JSON schema of the answer, as text. */
  readonly schema: string | undefined;
};

export function launchFor(model: string, { settings }: Conversation): Launch {
  const { responseFormat, reasoning } = settings;
  return {
    model,
    effort: reasoning?.effort,
    schema: responseFormat?.type === "json-schema" ? JSON.stringify(responseFormat.schema) : undefined,
  };
}

/** Without `-p`, which takes the next word for its prompt, and without a permission mode: then every tool is turned down. */
export function argumentsFor({ model, effort, schema }: Launch): string[] {
  return [
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    // Joined by `=`: a model's name comes from a client and must not become a flag of its own.
    `--model=${model}`,
    // Its own limit is five minutes; ours decides.
    "--print-timeout=24h",
    ...(effort === undefined ? [] : [`--effort=${effort}`]),
    ...(schema === undefined ? [] : [`--json-schema=${schema}`]),
  ];
}
