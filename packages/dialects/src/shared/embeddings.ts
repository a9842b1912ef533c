import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  GatewayError,
  isObject,
  type DialectName,
  type JsonObject,
} from "@trunkline/contracts";
import { objectAt, objectsAt, optional, reject } from "./reject.ts";

/** A request for embeddings in our own form. */
export type EmbedRequest = {
  readonly inputs: readonly string[];
  readonly dimensions?: number;
  readonly base64: boolean;
  readonly batch: boolean;
};
export type EmbedAnswer = {
  readonly vectors: readonly (readonly number[])[];
  readonly inputTokens: number;
  readonly estimated: boolean;
};

/** Only OpenAI's and Google's dialects know embeddings. */
export function decodeEmbedRequest(dialect: DialectName, body: JsonObject, batch: boolean): EmbedRequest {
  if (dialect !== "gemini") {
    const input = body["input"];
    const inputs = Array.isArray(input) ? input : [input];
    if (inputs.length === 0 || !inputs.every((item) => typeof item === "string")) {
      reject("input", "'input' must be a string or an array of strings for this model.");
    }
    return compact({
      inputs: inputs as string[],
      dimensions: optional(body, "dimensions", "number"),
      base64: body["encoding_format"] === "base64",
      batch: true,
    }) as EmbedRequest;
  }
  const requests = batch ? objectsAt(body, "requests") : [body];
  const inputs = requests.map((request, index) => {
    const content = objectAt(request["content"], batch ? `requests[${index}].content` : "content");
    return asArray(content["parts"])
      .map((part) => asString(asObject(part)?.["text"]) ?? "")
      .join("");
  });
  const dimensions =
    asNumber(requests[0]?.["outputDimensionality"]) ??
    asNumber(asObject(requests[0]?.["embedContentConfig"])?.["outputDimensionality"]);
  return compact({ inputs, dimensions, base64: false, batch }) as EmbedRequest;
}

export function encodeEmbedRequest(dialect: DialectName, request: EmbedRequest, model: string): JsonObject {
  if (dialect !== "gemini") return compact({ model, input: [...request.inputs], dimensions: request.dimensions });
  const requests = request.inputs.map((text) =>
    compact({ model: `models/${model}`, content: { parts: [{ text }] }, outputDimensionality: request.dimensions }),
  );
  return { requests };
}

export function decodeEmbedAnswer(dialect: DialectName, body: JsonObject): EmbedAnswer {
  const items = asArray(
    dialect === "gemini" ? (body["embeddings"] ?? [body["embedding"] ?? null]) : body["data"],
  ).filter(isObject);
  const vectors = items.map((item) => asArray(item[dialect === "gemini" ? "values" : "embedding"]).map(Number));
  if (vectors.length === 0)
    throw new GatewayError("upstream_bad_response", "The provider's answer held no embeddings.");
  const inputTokens =
    asNumber(asObject(body["usage"])?.["prompt_tokens"]) ??
    asNumber(asObject(body["usageMetadata"])?.["promptTokenCount"]);
  return { vectors, inputTokens: inputTokens ?? 0, estimated: inputTokens === undefined };
}

export function encodeEmbedAnswer(
  dialect: DialectName,
  answer: EmbedAnswer,
  request: EmbedRequest,
  model: string,
): JsonObject {
  if (dialect === "gemini") {
    const embeddings = answer.vectors.map((values) => ({ values: [...values] }));
    return request.batch ? { embeddings } : { embedding: embeddings[0]! };
  }
  return {
    object: "list",
    model,
    data: answer.vectors.map((vector, index) => ({
      object: "embedding",
      index,
      // OpenAI's SDKs ask for base64 of little-endian 32-bit floats unless told otherwise.
      embedding: request.base64 ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : [...vector],
    })),
    usage: { prompt_tokens: answer.inputTokens, total_tokens: answer.inputTokens },
  };
}
