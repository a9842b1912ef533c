/** Which events of an NDJSON output mean what. Paths are members joined by dots. */
export type EventRule = {
  /** Members and the values they must have for the rule to apply. */
  readonly when: Readonly<Record<string, string | number | boolean>>;
  /** Path of a piece of the answer's text. */
  readonly text?: string;
  /** Path of a piece of the model's thoughts. */
  readonly reasoning?: string;
  /** Path of a failure's message. */
  readonly error?: string;
  readonly inputTokens?: string;
  readonly outputTokens?: string;
  readonly cachedTokens?: string;
  /** The answer is complete. */
  readonly end?: boolean;
};

/** A program nobody wrote a driver for, described by the operator. */
export type ProgramConfig = {
  /** `{model}`, `{effort}`, `{system_file}`, `{prompt_file}` and `{schema_file}` are replaced. */
  readonly args: readonly string[];
  /** What it reads: the prompt as text, or one JSON object `{model, system, prompt}`. */
  readonly input: "text" | "json";
  readonly output: "text" | "ndjson" | "acp";
  readonly events: readonly EventRule[];
  /** Arguments of its log-in, for `trunkline accounts add`. */
  readonly login: readonly string[];
  readonly family: string;
};
