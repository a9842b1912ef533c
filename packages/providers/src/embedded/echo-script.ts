import { GatewayError, newId, usageOf, type Conversation, type StreamEvent } from "@trunkline/contracts";
import { codeByStatus } from "../shared/code-by-status.ts";
import { readDirectives, toolsToCall, type Directives } from "./directives.ts";
import { sampleOf } from "./sample-schema.ts";

/** About four characters a token, as English prose has; marked as an estimate wherever it goes. */
export function roughTokens(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

/** The failure a directive asks for. */
export function failureFor(status: number): GatewayError {
  const code = codeByStatus[status] ?? (status >= 400 && status < 500 ? "upstream_rejected" : "upstream_error");
  return new GatewayError(code, `The echo was asked to fail with status ${status}.`, {
    upstreamStatus: status,
    ...(status === 429 ? { retryAfterMs: 1000 } : {}),
  });
}

export type EchoScript = { readonly directives: Directives; readonly events: readonly StreamEvent[] };

function answerText(conversation: Conversation, directives: Directives, text: string): string {
  if (directives.words !== undefined)
    return Array.from({ length: directives.words }, (_, index) => `word${index + 1}`).join(" ");
  const last = conversation.messages.at(-1);
  if (last?.role === "tool") {
    const results = last.content.map((result) =>
      result.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(""),
    );
    return `The tools answered: ${results.join("; ")}`;
  }
  const files = last?.role === "user" ? last.content.filter((part) => part.type === "file") : [];
  return files.length === 0 ? text : `${text} [received ${files.map((file) => file.mediaType).join(", ")}]`;
}

function* pieces(text: string): Generator<string> {
  for (const [piece] of text.matchAll(/\S+\s*|\s+/g)) yield piece;
}

/** Everything the echo will say to this request, as events. */
export function scriptFor(conversation: Conversation, model: string): EchoScript {
  const { directives, text } = readDirectives(conversation);
  const events: StreamEvent[] = [
    { type: "start", id: newId("echo_"), model, created: 0, systemFingerprint: "trunkline-echo" },
  ];
  let written = "";
  const add = (event: StreamEvent) => events.push(event);
  const schema =
    conversation.settings.responseFormat?.type === "json-schema"
      ? conversation.settings.responseFormat.schema
      : undefined;

  if (directives.think !== undefined || conversation.settings.reasoning?.visible) {
    add({ type: "reasoning-start", choice: 0, id: "thought" });
    for (const piece of pieces(directives.think || "I repeat what I was sent."))
      add({ type: "reasoning-delta", choice: 0, id: "thought", text: piece });
    add({ type: "reasoning-end", choice: 0, id: "thought" });
  }
  const calls = toolsToCall(conversation, directives);
  if (directives.refuse) {
    add({ type: "refusal-delta", choice: 0, id: "refusal", text: "The echo was asked to refuse." });
    add({ type: "finish", choice: 0, finish: { reason: "refusal" } });
  } else if (calls.length > 0) {
    for (const tool of calls) {
      if (tool.kind === "native") continue;
      const id = newId("call_");
      const input = tool.kind === "custom" ? text : JSON.stringify(sampleOf(tool.parameters ?? {}, text));
      const namespace = tool.kind === "function" ? tool.namespace : undefined;
      add({
        type: "tool-input-start",
        choice: 0,
        id,
        name: tool.name,
        kind: tool.kind,
        ...(namespace === undefined ? {} : { namespace }),
      });
      for (let from = 0; from < input.length; from += 12)
        add({ type: "tool-input-delta", choice: 0, id, delta: input.slice(from, from + 12) });
      add({ type: "tool-input-end", choice: 0, id });
      written += input;
    }
    add({ type: "finish", choice: 0, finish: { reason: "tool-calls" } });
  } else {
    const json =
      schema ??
      (conversation.settings.responseFormat?.type === "json"
        ? { type: "object", properties: { echo: { type: "string" } } }
        : undefined);
    const whole = json ? JSON.stringify(sampleOf(json, text)) : answerText(conversation, directives, text);
    const limit = conversation.settings.maxOutputTokens;
    const cut = directives.end === "length" || (limit !== undefined && roughTokens(whole) > limit);
    const said = cut ? whole.slice(0, Math.max(4, (limit ?? 4) * 4)) : whole;
    add({ type: "text-start", choice: 0, id: "answer" });
    for (const piece of pieces(said)) add({ type: "text-delta", choice: 0, id: "answer", text: piece });
    add({ type: "text-end", choice: 0, id: "answer" });
    add({ type: "finish", choice: 0, finish: { reason: cut ? "length" : "stop" } });
    written += said;
  }
  const input = JSON.stringify(conversation.messages).length;
  add({
    type: "usage",
    usage: usageOf({
      inputTokens: Math.max(1, Math.ceil(input / 4)),
      outputTokens: roughTokens(written),
      estimated: true,
    }),
  });
  add({ type: "end" });
  return { directives, events: directives.end === "early" ? events.slice(0, Math.ceil(events.length / 2)) : events };
}
