import type {
  AssistantPart,
  Completion,
  Finish,
  GatewayError,
  StreamEvent,
  TokenLogprob,
  Usage,
} from "@trunkline/contracts";

type Draft = { parts: Map<string, AssistantPart>; finish: Finish; logprobs: TokenLogprob[] };

export type Collector = {
  add(event: StreamEvent): void;
  /** The error the stream carried, if any. */
  readonly error: GatewayError | undefined;
  completion(): Completion;
};

/** Gathers a stream into a whole answer, for sources that only stream. */
export function createCollector(): Collector {
  let head = { id: "", model: "", created: 0 } as {
    id: string;
    model: string;
    created: number;
    serviceTier?: string;
    systemFingerprint?: string;
  };
  let usage: Usage | undefined;
  let failure: GatewayError | undefined;
  const drafts = new Map<number, Draft>();

  function draftOf(choice: number): Draft {
    let draft = drafts.get(choice);
    if (!draft) drafts.set(choice, (draft = { parts: new Map(), finish: { reason: "other" }, logprobs: [] }));
    return draft;
  }

  function update<T extends AssistantPart["type"]>(
    choice: number,
    id: string,
    fresh: Extract<AssistantPart, { type: T }>,
    change: (part: Extract<AssistantPart, { type: T }>) => AssistantPart,
  ): void {
    const { parts } = draftOf(choice);
    const key = `${fresh.type}:${id}`;
    parts.set(key, change((parts.get(key) as Extract<AssistantPart, { type: T }> | undefined) ?? fresh));
  }

  function add(event: StreamEvent): void {
    switch (event.type) {
      case "start": {
        const { type: _type, usage: early, ...rest } = event;
        head = rest;
        usage = early ?? usage;
        return;
      }
      case "text-start":
        return update(event.choice, event.id, { type: "text", text: "" }, (part) => part);
      case "text-delta":
        if (event.logprobs) draftOf(event.choice).logprobs.push(...event.logprobs);
        return update(event.choice, event.id, { type: "text", text: "" }, (part) => ({
          ...part,
          text: part.text + event.text,
        }));
      case "text-end":
        if (event.native)
          update(event.choice, event.id, { type: "text", text: "" }, (part) => ({ ...part, native: event.native! }));
        return;
      case "reasoning-start":
        return update(event.choice, event.id, { type: "reasoning", text: "" }, (part) => part);
      case "reasoning-delta":
        return update(event.choice, event.id, { type: "reasoning", text: "" }, (part) => ({
          ...part,
          text: part.text + event.text,
        }));
      case "reasoning-end":
        return update(event.choice, event.id, { type: "reasoning", text: "" }, (part) => ({
          ...part,
          ...(event.redacted ? { redacted: true } : {}),
          ...(event.native ? { native: event.native } : {}),
        }));
      case "refusal-delta":
        return update(event.choice, event.id, { type: "refusal", text: "" }, (part) => ({
          ...part,
          text: part.text + event.text,
        }));
      case "tool-input-start": {
        const { type: _type, choice: _choice, ...call } = event;
        return update(event.choice, event.id, { type: "tool-call", input: "", ...call }, (part) => part);
      }
      case "tool-input-delta":
        return update(
          event.choice,
          event.id,
          { type: "tool-call", id: event.id, name: "", input: "", kind: "function" },
          (part) => ({
            ...part,
            input: part.input + event.delta,
          }),
        );
      case "file":
        return update(
          event.choice,
          event.id,
          { type: "file", mediaType: event.mediaType, source: { kind: "base64", data: event.data } },
          (part) => part,
        );
      case "native":
        return update(event.choice, event.id, { type: "native", native: event.native }, (part) => part);
      case "finish":
        draftOf(event.choice).finish = event.finish;
        return;
      case "usage":
        usage = event.usage;
        return;
      case "error":
        failure = event.error;
    }
  }

  return {
    add,
    get error() {
      return failure;
    },
    completion() {
      const choices = [...drafts]
        .toSorted(([a], [b]) => a - b)
        .map(([index, draft]) => ({
          index,
          content: [...draft.parts.values()],
          finish: draft.finish,
          ...(draft.logprobs.length > 0 ? { logprobs: draft.logprobs } : {}),
        }));
      return { ...head, choices, ...(usage ? { usage } : {}) };
    },
  };
}
