import type { Conversation, FunctionTool, Tool } from "@trunkline/contracts";

/** What a client may ask the echo to do, as `name=value` words. `docs/guides/try-without-a-model.md` lists them. */
export type Directives = {
  /** Names of the tools to call, in order; may repeat. */
  readonly tools: readonly string[];
  /** Milliseconds before each piece of the answer. */
  readonly delay: number;
  /** Fail with this HTTP status instead of answering. */
  readonly status: number | undefined;
  /** `early`: break off without a terminal event. `length`: stop as if the output limit were reached. */
  readonly end: "early" | "length" | undefined;
  readonly think: string | undefined;
  readonly refuse: boolean;
  /** Answer with this many words instead of the input. */
  readonly words: number | undefined;
};

const longestDelay = 60_000;
const mostWords = 100_000;

function lastUserText(conversation: Conversation): string {
  const message = conversation.messages.findLast((candidate) => candidate.role === "user");
  return message?.role === "user"
    ? message.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n")
    : "";
}

/** `/echo name=value …` on a line of the last user message, or the same words in `metadata.echo`. Returns the text without that line. */
export function readDirectives(conversation: Conversation): { directives: Directives; text: string } {
  const said = lastUserText(conversation);
  const line = /^\/echo\b(.*)$/m.exec(said);
  const words = `${String(conversation.settings.metadata?.["echo"] ?? "")} ${line?.[1] ?? ""}`;
  const given = new Map<string, string>();
  for (const [, name, quoted, plain] of words.matchAll(/([a-z]+)(?:=(?:"([^"]*)"|(\S+)))?/g))
    given.set(name!, quoted ?? plain ?? "");
  const count = (name: string, most: number) => {
    const value = Number(given.get(name));
    return Number.isFinite(value) ? Math.min(Math.max(0, Math.floor(value)), most) : undefined;
  };
  const end = given.get("end");
  return {
    text: line ? said.replace(line[0], "").trim() : said,
    directives: {
      tools: (given.get("tool") ?? "").split(",").filter(Boolean),
      delay: count("delay", longestDelay) ?? 0,
      status: count("status", 599) || undefined,
      end: end === "early" || end === "length" ? end : undefined,
      think: given.get("think"),
      refuse: given.has("refuse"),
      words: count("words", mostWords),
    },
  };
}

/** The tools to call: those named by a directive, or the one the request's tool choice forces. */
export function toolsToCall(conversation: Conversation, directives: Directives): Tool[] {
  const { tools, toolChoice: choice } = conversation;
  const callable = tools.filter((tool) => tool.kind !== "native");
  const byName = (name: string) => callable.find((tool) => (tool as FunctionTool).name === name);
  if (choice?.mode === "none") return [];
  if (directives.tools.length > 0) return directives.tools.flatMap((name) => byName(name) ?? []);
  // A forced choice is met once: with the results at hand the echo answers in words.
  if (conversation.messages.at(-1)?.role === "tool") return [];
  if (choice?.mode === "tool") return [byName(choice.name)].filter((tool) => tool !== undefined);
  if (choice?.mode === "allowed" && choice.required)
    return [byName(choice.names[0] ?? "")].filter((tool) => tool !== undefined);
  return choice?.mode === "required" ? callable.slice(0, 1) : [];
}
