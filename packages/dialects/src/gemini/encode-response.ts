import {
  compact,
  isObject,
  newId,
  parseJson,
  type AssistantPart,
  type Choice,
  type Completion,
  type Finish,
  type JsonObject,
  type Native,
  type TokenLogprob,
} from "@trunkline/contracts";
import type { AnswerContext } from "../dialect.ts";
import { wrapNative } from "../shared/native.ts";
import { family } from "./schema.ts";
import { encodeUsage } from "./usage.ts";

export function encodeResponse(completion: Completion, context: AnswerContext): JsonObject {
  return compact({
    candidates: completion.choices.map(encodeCandidate),
    usageMetadata: completion.usage ? encodeUsage(completion.usage) : undefined,
    modelVersion: context.model,
    responseId: completion.id || newId(""),
  });
}

function encodeCandidate(choice: Choice): JsonObject {
  return compact({
    content: { parts: choice.content.flatMap(encodePart), role: "model" },
    finishReason: encodeFinish(choice.finish),
    index: choice.index,
    logprobsResult: choice.logprobs ? encodeLogprobs(choice.logprobs) : undefined,
  });
}

export function signatureOf(native: Native | undefined): string | undefined {
  return native ? wrapNative(native, family) : undefined;
}

export function encodePart(part: AssistantPart): JsonObject[] {
  switch (part.type) {
    case "text":
      return [compact({ text: part.text, thoughtSignature: signatureOf(part.native) })];
    case "refusal":
      return [{ text: part.text }];
    case "reasoning":
      return [
        compact({
          text: part.text,
          thought: part.text === "" ? undefined : true,
          thoughtSignature: signatureOf(part.native),
        }),
      ];
    case "tool-call":
      return [
        compact({
          functionCall: { id: part.id, name: part.name, args: callArguments(part.input) },
          thoughtSignature: signatureOf(part.native),
        }),
      ];
    case "file":
      return part.source.kind === "base64"
        ? [{ inlineData: { mimeType: part.mediaType, data: part.source.data } }]
        : [];
    case "native":
      return part.native.family === family ? [part.native.value as JsonObject] : [];
  }
}

/** Google's `args` is an object; text that is none stays readable under `input`. */
export function callArguments(input: string): JsonObject {
  const value = parseJson(input === "" ? "{}" : input);
  return isObject(value) ? value : { input };
}

const words = {
  stop: "STOP",
  "stop-sequence": "STOP",
  length: "MAX_TOKENS",
  "context-length": "MAX_TOKENS",
  "tool-calls": "STOP",
  "content-filter": "SAFETY",
  refusal: "SAFETY",
  pause: "OTHER",
  other: "OTHER",
} as const;

export function encodeFinish(finish: Finish): string {
  return words[finish.reason];
}

export function encodeLogprobs(logprobs: readonly TokenLogprob[]): JsonObject {
  const candidate = (token: { token: string; logprob: number }) => ({
    token: token.token,
    logProbability: token.logprob,
  });
  return {
    chosenCandidates: logprobs.map(candidate),
    topCandidates: logprobs.map((token) => ({
      candidates: (token.top_logprobs ?? []).map((other) => candidate(other as { token: string; logprob: number })),
    })),
  };
}
