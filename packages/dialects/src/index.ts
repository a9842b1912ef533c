import type { DialectName } from "@trunkline/contracts";
import { anthropicMessages } from "./anthropic-messages/index.ts";
import type { Dialect } from "./dialect.ts";
import { gemini } from "./gemini/index.ts";
import { openaiChat } from "./openai-chat/index.ts";
import { openaiResponses } from "./openai-responses/index.ts";

export * from "./dialect.ts";
export { countRequest, encodeCount, readCount } from "./shared/count-tokens.ts";
export * from "./shared/embeddings.ts";
export { createCollector } from "./shared/collect.ts";
export { restoreToolCalls, restoreToolEvents } from "./shared/restore-tools.ts";
export { createSseParser, sseEvent } from "./shared/sse.ts";
export { bodyOf, RequestBody } from "./shared/request-body.ts";
export { replaceMember } from "./shared/splice.ts";
export { parseThinkingSuffix, thinkingMembers } from "./shared/thinking-suffix.ts";
export { createToolNames, type ToolNames } from "./shared/tool-names.ts";

/** Every dialect by its name. */
export const dialects: Readonly<Record<DialectName, Dialect>> = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  gemini,
};
