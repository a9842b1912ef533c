import { asNumber, type DialectName, type JsonObject } from "@trunkline/contracts";

/** What an upstream of this dialect wants to be asked for a count, made of the body of a full request; undefined when it cannot be asked. */
export function countRequest(dialect: DialectName, body: JsonObject, model: string): JsonObject | undefined {
  switch (dialect) {
    case "anthropic-messages": {
      const {
        max_tokens: _max,
        stream: _stream,
        temperature: _temperature,
        top_p: _p,
        top_k: _k,
        stop_sequences: _stop,
        metadata: _metadata,
        ...rest
      } = body;
      return rest;
    }
    case "gemini":
      return { generateContentRequest: { model: `models/${model}`, ...body } };
    case "openai-responses": {
      const {
        stream: _stream,
        store: _store,
        include: _include,
        metadata: _metadata,
        max_output_tokens: _max,
        ...rest
      } = body;
      return rest;
    }
    default:
      return undefined;
  }
}

/** The count in an upstream's answer. */
export function readCount(dialect: DialectName, body: JsonObject): number | undefined {
  return asNumber(body[dialect === "gemini" ? "totalTokens" : "input_tokens"]);
}

/** The count as the client's dialect says it. */
export function encodeCount(dialect: DialectName, tokens: number): JsonObject {
  if (dialect === "gemini") return { totalTokens: tokens };
  return dialect === "openai-responses"
    ? { object: "response.input_tokens", input_tokens: tokens }
    : { input_tokens: tokens };
}
