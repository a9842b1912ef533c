import type { AssistantPart, Completion, StreamEvent } from "@trunkline/contracts";
import type { FindSecrets } from "./find-secrets.ts";
import { createRedactor, redactText, type Redactor } from "./redact-text.ts";

/** Takes credentials out of an answer on its way to the client. `report` only tells of them. */
export type AnswerRedaction = {
  /** The events that take this one's place: what waits comes before the end of its block. */
  event(event: StreamEvent): readonly StreamEvent[];
  completion(completion: Completion): Completion;
  text(text: string): string;
};

export type RedactionOptions = {
  readonly find: FindSecrets;
  readonly replace: boolean;
  readonly onFound: (kind: string) => void;
};

export function createAnswerRedaction({ find, replace, onFound }: RedactionOptions): AnswerRedaction {
  /** One for each block that is open: blocks may come interleaved. */
  const open = new Map<string, { redactor: Redactor; delta: (text: string) => StreamEvent }>();

  function push(key: string, text: string, delta: (text: string) => StreamEvent): readonly StreamEvent[] {
    let entry = open.get(key);
    if (!entry) open.set(key, (entry = { redactor: createRedactor(find, onFound, replace), delta }));
    const told = entry.redactor.push(text);
    return told === "" ? [] : [delta(told)];
  }

  function finish(key: string): StreamEvent[] {
    const entry = open.get(key);
    open.delete(key);
    const told = entry?.redactor.end() ?? "";
    return told === "" ? [] : [entry!.delta(told)];
  }

  function finishAll(): StreamEvent[] {
    return [...open.keys()].flatMap(finish);
  }

  function part(given: AssistantPart): AssistantPart {
    if (given.type === "text" || given.type === "reasoning" || given.type === "refusal")
      return { ...given, text: redactText(given.text, find, onFound, replace) };
    if (given.type === "tool-call") return { ...given, input: redactText(given.input, find, onFound, replace) };
    return given;
  }

  return {
    event(event) {
      switch (event.type) {
        case "text-delta":
        case "reasoning-delta":
        case "refusal-delta":
          // Per-token probabilities name the tokens: they cannot stay beside a text that is held back.
          return push(`${event.type} ${event.choice} ${event.id}`, event.text, (text) => ({
            type: event.type,
            choice: event.choice,
            id: event.id,
            text,
          }));
        case "tool-input-delta":
          return push(`${event.type} ${event.choice} ${event.id}`, event.delta, (delta) => ({ ...event, delta }));
        case "text-end":
        case "reasoning-end":
        case "tool-input-end": {
          const name = event.type.replace(/-end$/, "-delta");
          return [...finish(`${name} ${event.choice} ${event.id}`), event];
        }
        case "finish":
        case "end":
        case "error":
          return [...finishAll(), event];
        default:
          return [event];
      }
    },
    text: (text) => redactText(text, find, onFound, replace),
    completion: (completion) => ({
      ...completion,
      choices: completion.choices.map((choice) => ({ ...choice, content: choice.content.map(part) })),
    }),
  };
}
