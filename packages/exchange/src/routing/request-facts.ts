import { createHash } from "node:crypto";
import {
  asObject,
  asString,
  type Conversation,
  type DialectName,
  type Key,
  type Operation,
} from "@trunkline/contracts";
import type { RequestBody } from "@trunkline/dialects";
import { estimateTokens } from "../estimate-tokens.ts";

/** What routes may look at of a request. What costs something to know is a function. */
export type RequestFacts = {
  /** The name asked for, without a thinking suffix. */
  readonly model: string;
  readonly dialect: DialectName;
  readonly operation: Operation;
  readonly stream: boolean;
  readonly key: Key | undefined;
  readonly headers: RequestHeaders;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly body: RequestBody;
  conversation(): Conversation;
};

/** By lower-case name, as Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

export function hasTools({ body }: RequestFacts): boolean {
  const tools = body.member("tools");
  return Array.isArray(tools) && tools.length > 0;
}

export function hasImages(facts: RequestFacts): boolean {
  if (facts.operation === "embed") return false;
  return facts
    .conversation()
    .messages.some(({ content }) =>
      content.some((part) => part.type === "file" && part.mediaType.startsWith("image/")),
    );
}

/** Tokens an image or document is reckoned at, whatever its size. */
const tokensPerFile = 1500;

/** Estimated input tokens: text by its length, files at a flat rate. Good enough to choose by, not to charge by. */
export function inputTokens(facts: RequestFacts): number {
  const bytes = facts.body.bytes.length;
  // Inline files are what makes a body large: only then is it worth taking it apart.
  if (facts.operation === "embed" || bytes < 64 * 1024) return estimateTokens(bytes);
  const { messages, tools } = facts.conversation();
  let characters = JSON.stringify(tools).length;
  let files = 0;
  for (const { content } of messages)
    for (const part of content) {
      if (part.type === "file") files++;
      else characters += JSON.stringify(part).length;
    }
  return estimateTokens(characters) + files * tokensPerFile;
}

/** Where clients say which conversation a request belongs to, most telling first. */
const sessionHeaders = [
  "x-trunkline-session",
  "x-claude-code-session-id",
  "session-id",
  "session_id",
  "x-session-id",
  "x-session-affinity",
  "x-client-request-id",
];
const sessionMembers = ["session_id", "conversation_id", "prompt_cache_key", "user"];
/** Characters of a conversation's beginning that tell it from others. */
const tellingBeginning = 4096;

/** What stays the same over the requests of one conversation, so that they can go to one target, whose cache then holds its beginning. */
export function affinityOf(facts: RequestFacts): string {
  for (const name of sessionHeaders) {
    const value = facts.headers[name];
    if (typeof value === "string" && value !== "" && value !== "new") return value;
  }
  const user = asString(asObject(facts.body.member("metadata"))?.["user_id"]);
  if (user !== undefined) return user;
  for (const name of sessionMembers) {
    const value = asString(facts.body.member(name));
    if (value !== undefined && value !== "") return value;
  }
  if (facts.operation === "embed") return facts.key?.id ?? "";
  const { messages } = facts.conversation();
  const first = messages.findIndex(({ role }) => role === "user");
  const beginning = JSON.stringify(messages.slice(0, first + 1)).slice(0, tellingBeginning);
  return createHash("sha256").update(beginning).digest("base64url");
}
