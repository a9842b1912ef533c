import {
  newId,
  parseJsonObject,
  type Conversation,
  type EmitEvent,
  type JsonValue,
  type StreamEvent,
} from "@trunkline/contracts";

/**
 * Tools for programs that have no way to register any: the model is told to answer with one JSON object where it wants to call some.
 * What it writes is read as it comes, so that plain answers stream without delay and arguments as they are written.
 */

type Call = { readonly id: string; readonly name: string; readonly input: JsonValue };

/** Past calls, in the form the model is asked for. */
export function callsText(calls: readonly Call[]): string {
  return JSON.stringify({ tool_calls: calls.map(({ id, name, input }) => ({ id, name, arguments: input })) });
}

/** What the model is told; undefined without tools, or with none allowed. */
export function toolInstructions({ tools, toolChoice }: Conversation): string | undefined {
  if (toolChoice?.mode === "none") return undefined;
  const usable = tools.flatMap((tool) =>
    tool.kind === "native"
      ? []
      : [
          {
            name: tool.name,
            ...(tool.description === undefined ? {} : { description: tool.description }),
            arguments:
              tool.kind === "function"
                ? (tool.parameters ?? { type: "object" })
                : { type: "object", properties: { input: { type: "string" } }, required: ["input"] },
          },
        ],
  );
  if (usable.length === 0) return undefined;
  const must =
    toolChoice?.mode === "required"
      ? "You must call at least one."
      : toolChoice?.mode === "tool"
        ? `You must call ${toolChoice.name}.`
        : "Call one only when it is needed.";
  return [
    `You can call these tools, which somebody else carries out (each with the JSON schema of its arguments): ${JSON.stringify(usable)}`,
    `${must} To call tools, your whole answer is one JSON object of this form, without anything before or after it:`,
    `{"tool_calls":[{"name":"<tool>","arguments":{}}]}`,
    "Several calls go into the one list. Their results come with the next turn. Otherwise answer in plain text.",
  ].join("\n");
}

const opening = '{"tool_calls":[';

type State = "deciding" | "text" | "calls" | "after";

/** Turns the text events of an answer into text and tool calls. */
export function openEnvelope(conversation: Conversation, emit: EmitEvent): EmitEvent {
  if (toolInstructions(conversation) === undefined) return emit;
  const customs = new Set(conversation.tools.flatMap((tool) => (tool.kind === "custom" ? [tool.name] : [])));
  let state: State = "deciding";
  let held = "";
  let textId = "text";
  let calls = 0;
  let element = "";
  let depth = 0;
  let quoted = false;
  let escaped = false;
  /** The call whose arguments are being written. */
  let open: { id: string; depth: number } | undefined;
  let piece = "";

  function say(text: string): void {
    if (text !== "") emit({ type: "text-delta", choice: 0, id: textId, text });
  }

  /** Without blanks, and without the fence some models put around JSON. */
  function core(text: string): { bare: string; complete: boolean } {
    const bare = text.replace(/\s+/g, "").replace(/^```(?:json)?/, "");
    return { bare, complete: bare.length >= opening.length };
  }

  function decide(): void {
    const { bare, complete } = core(held);
    if (bare.startsWith(opening)) {
      state = "calls";
      const at = held.indexOf("[");
      const rest = held.slice(at + 1);
      held = "";
      read(rest);
    } else if (complete || !(opening.startsWith(bare) || "```json".startsWith(held.trim()))) {
      state = "text";
      const text = held;
      held = "";
      emit({ type: "text-start", choice: 0, id: textId });
      say(text);
    }
  }

  function closeElement(): void {
    const call = parseJsonObject(element);
    element = "";
    if (!call || typeof call["name"] !== "string") return;
    const name = call["name"];
    const input = call["arguments"] ?? {};
    if (open) {
      flushPiece();
      emit({ type: "tool-input-end", choice: 0, id: open.id });
      open = undefined;
      return;
    }
    // The arguments stood before the name, or are no object: told at once.
    const id = newId("call_");
    calls++;
    const isCustom = customs.has(name);
    emit({ type: "tool-input-start", choice: 0, id, name, kind: isCustom ? "custom" : "function" });
    const inner =
      isCustom && typeof input === "object" && input !== null
        ? (input as Record<string, JsonValue>)["input"]
        : undefined;
    const delta = typeof inner === "string" ? inner : typeof input === "string" ? input : JSON.stringify(input);
    emit({ type: "tool-input-delta", choice: 0, id, delta });
    emit({ type: "tool-input-end", choice: 0, id });
  }

  function flushPiece(): void {
    if (open && piece !== "") emit({ type: "tool-input-delta", choice: 0, id: open.id, delta: piece });
    piece = "";
  }

  function read(text: string): void {
    for (const character of text) {
      if (state !== "calls") return;
      if (depth === 0 && character === "]") {
        state = "after";
        return;
      }
      if (depth === 0 && character !== "{") continue;
      element += character;
      if (open && depth >= open.depth) piece += character;
      if (quoted) {
        if (escaped) escaped = false;
        else if (character === "\\") escaped = true;
        else if (character === '"') quoted = false;
        continue;
      }
      if (character === '"') quoted = true;
      else if (character === "{" || character === "[") {
        depth++;
        if (character === "{" && depth === 2 && !open) begin();
      } else if (character === "}" || character === "]") {
        depth--;
        if (open && depth === open.depth - 1 && open.depth > 0) {
          flushPiece();
          open.depth = Number.POSITIVE_INFINITY;
        }
        if (depth === 0) closeElement();
      }
    }
    flushPiece();
  }

  /** An object begins inside a call: its arguments, if that is what the member is called and the name is known. */
  function begin(): void {
    const before = element.slice(0, -1);
    if (!/"arguments"\s*:\s*$/.test(before)) return;
    const name = /"name"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(before)?.[1];
    if (name === undefined) return;
    const known = JSON.parse(name) as string;
    // Freeform input is a string inside the object: it is told when it is whole.
    if (customs.has(known)) return;
    const id = newId("call_");
    calls++;
    emit({ type: "tool-input-start", choice: 0, id, name: known, kind: "function" });
    open = { id, depth: 2 };
    piece = "{";
  }

  return function take(event: StreamEvent): void {
    switch (event.type) {
      case "text-start":
        if (state === "deciding") textId = event.id;
        return;
      case "text-delta":
        if (state === "text") return say(event.text);
        if (state === "calls") return read(event.text);
        if (state === "after") return;
        held += event.text;
        return decide();
      case "text-end":
        return;
      case "finish": {
        if (state === "deciding" && held !== "") {
          emit({ type: "text-start", choice: 0, id: textId });
          say(held);
          state = "text";
        }
        if (state === "text") emit({ type: "text-end", choice: 0, id: textId });
        return emit(
          calls > 0
            ? { ...event, finish: { reason: "tool-calls", native: event.finish.native ?? "tool_calls" } }
            : event,
        );
      }
      default:
        emit(event);
    }
  };
}
