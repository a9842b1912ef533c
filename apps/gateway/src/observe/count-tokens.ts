import type { Conversation } from "@trunkline/contracts";

type Encoder = { countTokens(text: string): number };
let loading: Promise<Encoder> | undefined;

/** Tokens an image is reckoned at: a middling tile count of the vendors' published formulas. */
const tokensPerImage = 1000;
/** What every message and tool costs beside its text in OpenAI's chat format. */
const tokensPerMessage = 4;
const tokensPerTool = 8;

/**
 * Counts with OpenAI's o200k vocabulary, which is an estimate for every other vendor. The vocabulary takes about 100 MB and is loaded
 * at the first count, never before.
 */
export async function countTokens(conversation: Conversation): Promise<number> {
  loading ??= import("gpt-tokenizer/encoding/o200k_base");
  const { countTokens: count } = await loading;
  let total = 3;
  for (const message of conversation.messages) {
    total += tokensPerMessage;
    for (const part of message.content) {
      if (part.type === "text" || part.type === "reasoning" || part.type === "refusal") total += count(part.text);
      else if (part.type === "tool-call") total += count(part.name) + count(part.input);
      else if (part.type === "file") total += tokensPerImage;
      else if (part.type === "tool-result")
        for (const piece of part.content) total += piece.type === "text" ? count(piece.text) : tokensPerImage;
      else total += count(JSON.stringify(part.native.value));
    }
  }
  for (const tool of conversation.tools) total += tokensPerTool + count(JSON.stringify(tool));
  return total;
}
