import {
  usageOf,
  type AssistantPart,
  type Conversation,
  type JsonObject,
  type JsonValue,
  type Message,
  type StreamEvent,
} from "@trunkline/contracts";
import { dialects, plainTraits, type Dialect } from "@trunkline/dialects";
import fc from "fast-check";
import { completionOf, decodeStream, encodeStream } from "./checks.ts";

/**
 * What every dialect can say survives from one to another and back. Left out here is what the compatibility page lists as lost somewhere:
 * thoughts (bound to a model family), refusals, files in tool results, several choices.
 */

type Call = { readonly name: string; readonly input: JsonObject };
type Turn = {
  readonly user: string;
  readonly said: string;
  readonly calls: readonly (Call & { readonly result: string })[];
};
type Plain = {
  readonly system: string;
  readonly turns: readonly Turn[];
  readonly last: string;
  readonly maxTokens: number;
  readonly stop: readonly string[];
};

// Whitespace alone is refused by Anthropic, and a lone surrogate is no text.
const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((value) => value.trim() !== "" && value.isWellFormed());
const name = fc.stringMatching(/^[a-z][a-zA-Z0-9_-]{0,30}$/);
const input = fc
  .dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), {
    maxKeys: 4,
    noNullPrototype: true,
  })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject)
  .filter((value) => !JSON.stringify(value).includes("__proto__"));

export const plainConversation = fc.record({
  system: fc.option(text, { nil: "" }),
  turns: fc.array(
    fc
      .record({
        user: text,
        said: fc.option(text, { nil: "" }),
        calls: fc.array(fc.record({ name, input, result: text }), { maxLength: 3 }),
      })
      .filter(({ said, calls }) => said !== "" || calls.length > 0),
    { maxLength: 3 },
  ),
  last: text,
  maxTokens: fc.integer({ min: 1, max: 8000 }),
  stop: fc.array(
    fc.string({ minLength: 1, maxLength: 5 }).filter((value) => value.trim() !== ""),
    { maxLength: 3 },
  ),
}) as fc.Arbitrary<Plain & JsonValue>;

function conversationOf({ system, turns, last, maxTokens, stop }: Plain): Conversation {
  const messages: Message[] = system === "" ? [] : [{ role: "system", content: [{ type: "text", text: system }] }];
  let count = 0;
  for (const { user, said, calls } of turns) {
    const ids = calls.map(() => `call_${++count}`);
    messages.push({ role: "user", content: [{ type: "text", text: user }] });
    const content: AssistantPart[] = said === "" ? [] : [{ type: "text", text: said }];
    for (const [index, call] of calls.entries())
      content.push({
        type: "tool-call",
        kind: "function",
        id: ids[index]!,
        name: call.name,
        input: JSON.stringify(call.input),
      });
    messages.push({ role: "assistant", content });
    if (calls.length > 0)
      messages.push({
        role: "tool",
        content: calls.map(({ name: tool, result }, index) => ({
          type: "tool-result" as const,
          callId: ids[index]!,
          name: tool,
          content: [{ type: "text" as const, text: result }],
        })),
      });
  }
  messages.push({ role: "user", content: [{ type: "text", text: last }] });
  const names = [...new Set(turns.flatMap(({ calls }) => calls.map((call) => call.name)))];
  return {
    model: "m",
    messages,
    tools: names.map((tool) => ({ kind: "function", name: tool, parameters: { type: "object", properties: {} } })),
    settings: { maxOutputTokens: maxTokens, ...(stop.length > 0 ? { stop } : {}) },
    stream: false,
    unknown: [],
  };
}

/** Who said what, with calls numbered by their order instead of by their ids, and neighbours of one role joined. */
function said({ messages, tools, settings }: Conversation, hasStop: boolean): object {
  const numbers = new Map<string, number>();
  const lines: string[] = [];
  let role = "";
  const add = (who: string, what: string) => {
    if (who === role && who !== "tool") lines[lines.length - 1] += what;
    else lines.push(`${who}: ${what}`);
    role = who;
  };
  for (const message of messages)
    for (const part of message.content) {
      if (part.type === "text") add(message.role === "developer" ? "system" : message.role, `«${part.text}»`);
      else if (part.type === "tool-call") {
        numbers.set(part.id, numbers.size + 1);
        add("assistant", `call ${numbers.size} ${part.name} ${canonical(JSON.parse(part.input) as JsonValue)}`);
      } else if (part.type === "tool-result")
        add(
          "tool",
          `result ${numbers.get(part.callId)} ${part.content.map((piece) => (piece.type === "text" ? piece.text : piece.type)).join("")}`,
        );
      else add(message.role, `unexpected ${part.type}`);
    }
  return {
    lines,
    tools: tools.map((tool) => (tool.kind === "native" ? tool.label : tool.name)),
    most: settings.maxOutputTokens,
    stop: hasStop ? settings.stop : undefined,
  };
}

/** JSON with sorted members: their order is no part of it. */
function canonical(value: JsonValue | undefined): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

function through(conversation: Conversation, dialect: Dialect): Conversation {
  const { body } = dialect.encodeRequest(conversation, "m", plainTraits);
  return dialect.decodeRequest(JSON.parse(JSON.stringify(body)) as JsonObject, "m");
}

function same(found: object, wanted: object, way: string): void {
  const [a, b] = [JSON.stringify(found, null, 1), JSON.stringify(wanted, null, 1)];
  if (a !== b) throw new Error(`${way} makes\n${a}\nof\n${b}`);
}

/** A conversation by way of two dialects is the same conversation. Responses has no stop sequences. */
export function checkConversation(first: Dialect, plain: Plain): void {
  const conversation = conversationOf(plain);
  for (const second of Object.values(dialects)) {
    const hasStop = first.name !== "openai-responses" && second.name !== "openai-responses";
    const back = through(through(through(conversation, first), second), first);
    same(said(back, hasStop), said(conversation, hasStop), `${first.name} → ${second.name} → ${first.name}`);
  }
}

type Answer = {
  readonly pieces: readonly string[];
  readonly calls: readonly Call[];
  readonly cut: boolean;
  readonly input: number;
  readonly output: number;
};

export const plainAnswer = fc
  .record({
    pieces: fc.array(text, { maxLength: 5 }),
    calls: fc.array(fc.record({ name, input }), { maxLength: 3 }),
    cut: fc.boolean(),
    input: fc.integer({ min: 1, max: 1e6 }),
    output: fc.integer({ min: 1, max: 1e6 }),
  })
  .filter(({ pieces, calls }) => pieces.length > 0 || calls.length > 0) as fc.Arbitrary<Answer & JsonValue>;

function eventsOf({ pieces, calls, cut, input: inputTokens, output: outputTokens }: Answer): StreamEvent[] {
  const events: StreamEvent[] = [{ type: "start", id: "id_1", model: "m", created: 1 }];
  if (pieces.length > 0) {
    events.push({ type: "text-start", choice: 0, id: "t" });
    for (const piece of pieces) events.push({ type: "text-delta", choice: 0, id: "t", text: piece });
    events.push({ type: "text-end", choice: 0, id: "t" });
  }
  for (const [index, call] of calls.entries()) {
    const id = `call_${index + 1}`;
    const whole = JSON.stringify(call.input);
    events.push({ type: "tool-input-start", choice: 0, id, name: call.name, kind: "function" });
    for (const delta of [whole.slice(0, 3), whole.slice(3)].filter(Boolean))
      events.push({ type: "tool-input-delta", choice: 0, id, delta });
    events.push({ type: "tool-input-end", choice: 0, id });
  }
  const reason = cut ? "length" : calls.length > 0 ? "tool-calls" : "stop";
  events.push({ type: "finish", choice: 0, finish: { reason } });
  const usage = usageOf({ inputTokens, outputTokens });
  events.push({ type: "usage", usage }, { type: "end" });
  return events;
}

function told(events: readonly StreamEvent[]): object {
  const completion = completionOf(events);
  const [choice] = completion.choices;
  const parts = choice!.content.map((part) =>
    part.type === "text"
      ? `«${part.text}»`
      : part.type === "tool-call"
        ? `${part.name} ${canonical(JSON.parse(part.input === "" ? "{}" : part.input) as JsonValue)}`
        : part.type,
  );
  return {
    parts,
    finish: choice!.finish.reason,
    input: completion.usage?.inputTokens,
    output: completion.usage?.outputTokens,
    last: events.at(-1)!.type,
  };
}

/** An answer streamed by way of two dialects, in pieces of any size, is the same answer. */
export function checkAnswer(first: Dialect, answer: Answer, sizes: readonly number[]): void {
  const events = eventsOf(answer);
  for (const second of Object.values(dialects)) {
    let now: readonly StreamEvent[] = events;
    for (const dialect of [first, second, first])
      now = decodeStream(dialect, Buffer.from(encodeStream(dialect, now)), sizes);
    same(told(now), told(events), `${first.name} → ${second.name} → ${first.name}`);
  }
}
