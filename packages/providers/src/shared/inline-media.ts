import type { Conversation, FilePart, Message } from "@trunkline/contracts";
import type { GuardedFetch } from "./guarded-fetch.ts";

/** Files fetched at once for one request. */
const atOnce = 4;

function isRemote(part: { readonly type: string }): part is FilePart {
  return part.type === "file" && (part as FilePart).source.kind === "url";
}

function* filesOf(messages: readonly Message[]): Generator<FilePart> {
  for (const message of messages) {
    for (const part of message.content) {
      if (part.type === "tool-result") yield* part.content.filter(isRemote);
      else if (isRemote(part)) yield part;
    }
  }
}

export function hasRemoteMedia(conversation: Conversation): boolean {
  return !filesOf(conversation.messages).next().done;
}

/** The conversation with every file named by URL fetched and put inline, each URL once. Throws `media_not_fetched`. */
export async function inlineMedia(
  conversation: Conversation,
  guarded: GuardedFetch,
  signal: AbortSignal,
): Promise<Conversation> {
  const urls = [...new Set([...filesOf(conversation.messages)].map((part) => (part.source as { url: string }).url))];
  const fetched = new Map<string, { mediaType: string; data: string }>();
  for (let from = 0; from < urls.length; from += atOnce) {
    await Promise.all(
      urls.slice(from, from + atOnce).map(async (url) => {
        const file = await guarded.fetch(url, signal);
        fetched.set(url, { mediaType: file.mediaType, data: file.data.toString("base64") });
      }),
    );
  }
  const inline = <T extends { readonly type: string }>(part: T): T => {
    if (!isRemote(part)) return part;
    const file = fetched.get((part.source as { url: string }).url)!;
    const mediaType = file.mediaType === "application/octet-stream" ? part.mediaType : file.mediaType;
    return { ...part, mediaType, source: { kind: "base64", data: file.data } };
  };
  const messages = conversation.messages.map((message) => ({
    ...message,
    content: message.content.map((part) =>
      part.type === "tool-result" ? { ...part, content: part.content.map(inline) } : inline(part),
    ),
  })) as unknown as Message[];
  return { ...conversation, messages };
}
