import { parseJson, type Conversation, type FilePart, type Message, type TextPart } from "@trunkline/contracts";
import { callsText, toolInstructions } from "./envelope.ts";
import { stripAnsi } from "../process/parse-events.ts";
import { instructionsOf, isInstruction } from "./last-turn.ts";

/** A conversation as one text, for programs that take nothing else. */
export type Transcript = {
  readonly prompt: string;
  /** Files of the newest turn, for programs that take them beside the text. */
  readonly files: readonly FilePart[];
  /** Members of the request that could not be told. */
  readonly degraded: readonly string[];
};

function textOf(content: readonly (TextPart | FilePart | { readonly type: string })[], degraded: Set<string>): string {
  return content
    .map((part) => {
      if (part.type === "text") return (part as TextPart).text;
      if (part.type !== "file") return "";
      const file = part as FilePart;
      if (file.source.kind === "text") return file.source.text;
      degraded.add("messages.file");
      return `[${file.filename ?? file.mediaType}]`;
    })
    .filter((text) => text !== "")
    .join("\n");
}

function spoken(message: Message, degraded: Set<string>): { role: string; text: string }[] {
  if (message.role === "tool") {
    return message.content.map((result) => ({
      role: `tool" call="${result.callId.replace(/[^\w-]/g, "_")}`,
      text: `${result.isError ? "[failed] " : ""}${textOf(result.content, degraded)}`,
    }));
  }
  if (message.role !== "assistant") return [{ role: message.role, text: textOf(message.content, degraded) }];
  const calls = message.content.flatMap((part) =>
    part.type === "tool-call" ? [{ id: part.id, name: part.name, input: parseJson(part.input) ?? part.input }] : [],
  );
  const text = message.content
    .map((part) => (part.type === "text" || part.type === "refusal" ? part.text : ""))
    .join("");
  return [{ role: "assistant", text: calls.length === 0 ? text : `${text}\n${callsText(calls)}`.trim() }];
}

/** Programs made for terminals take a text that begins so for a command to themselves; inside a tag it is only text. */
function isCommand(text: string): boolean {
  return /^\s*[/!@#?$\\]/.test(text);
}

/** A tag no text of the conversation holds, so that none can pretend to be another turn. The same for the same texts: caches stay warm. */
function tagFor(texts: readonly string[]): string {
  let tag = "turn";
  while (texts.some((text) => text.includes(`<${tag}`) || text.includes(`</${tag}`))) tag += "-x";
  return tag;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** The client's instructions, and how its tools are called; empty when there is neither. */
export function fullInstructions(conversation: Conversation): string {
  return [instructionsOf(conversation), toolInstructions(conversation)].filter(Boolean).join("\n\n");
}

/** A prompt with them before it, for programs that have no place of their own for instructions. */
export function withInstructions(conversation: Conversation, prompt: string): string {
  const instructions = fullInstructions(conversation);
  return instructions === "" ? prompt : `${instructions}\n\n${prompt}`;
}

/**
 * `from` 0 tells all of it; later, only the newest turn, for a program that remembers the rest. A single message is told as it is; several
 * are each put in a tag that says who spoke.
 */
export function transcriptOf(conversation: Conversation, from: number): Transcript {
  const degraded = new Set<string>();
  const messages = conversation.messages.slice(from).filter((message) => !isInstruction(message));
  const last = messages.at(-1);
  const files =
    last?.role === "user" ? last.content.filter((part) => part.type === "file" && part.source.kind === "base64") : [];
  const turns = messages.flatMap((message) => {
    // Files of the last message go beside the text, where they can.
    const kept =
      message === last
        ? { ...message, content: message.content.filter((part) => !files.includes(part as FilePart)) }
        : message;
    return spoken(kept as Message, degraded);
  });
  const clean = turns.map(({ role, text }) => ({ role, text: stripAnsi(text).replace(controls, "") }));
  const only =
    clean.length === 1 && clean[0]!.role === "user" && !isCommand(clean[0]!.text) ? clean[0]!.text : undefined;
  const tag = tagFor(clean.map(({ text }) => text));
  const told = clean.map(({ role, text }) => `<${tag} role="${role}">\n${text}\n</${tag}>`).join("\n");
  return {
    prompt:
      only ??
      (clean.length === 0 ? "Continue." : undefined) ??
      `${told}\n\nThat is the conversation so far. Answer its last turn as the assistant: write only what you would say next, without a tag.`,
    files: files as FilePart[],
    degraded: [...degraded],
  };
}
