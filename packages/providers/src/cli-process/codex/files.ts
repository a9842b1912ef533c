import { GatewayError, type FilePart, type Message } from "@trunkline/contracts";
import { title } from "./failures.ts";

/** The text of a file that is one. */
function textOf({ mediaType, source }: FilePart): string | undefined {
  if (source.kind === "text") return source.text;
  if (source.kind === "base64" && /^text\/|json|xml|yaml/.test(mediaType))
    return Buffer.from(source.data, "base64").toString();
  return undefined;
}

function isSeen({ mediaType }: FilePart): boolean {
  return mediaType.startsWith("image/") || mediaType.startsWith("audio/");
}

/** Throws `unsupported_parameter` for a file this program cannot show its model. */
export function refuseFiles(messages: readonly Message[]): void {
  for (const message of messages) {
    for (const part of message.content) {
      const files = part.type === "file" ? [part] : part.type === "tool-result" ? part.content : [];
      for (const file of files) {
        if (file.type !== "file" || isSeen(file) || textOf(file) !== undefined) continue;
        throw new GatewayError(
          "unsupported_parameter",
          `${title} takes no files but images and texts (this one is ${file.mediaType}). Send its text, or choose a model of another provider.`,
          { parameter: "messages" },
        );
      }
    }
  }
}

/** The conversation with its text files as text. */
export function inlineTexts(messages: readonly Message[]): Message[] {
  return messages.map((message) => {
    if (message.role !== "user") return message;
    const content = message.content.map((part) => {
      const text = part.type === "file" ? textOf(part) : undefined;
      return text === undefined || part.type !== "file"
        ? part
        : { type: "text" as const, text: `${part.filename ?? "File"}:\n${text}` };
    });
    return { ...message, content };
  });
}
