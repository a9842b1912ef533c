import type { Dialect } from "../dialect.ts";
import { decodeRequest } from "./decode-request.ts";
import { decodeResponse } from "./decode-response.ts";
import { createStreamDecoder } from "./decode-stream.ts";
import { encodeRequest } from "./encode-request.ts";
import { encodeResponse } from "./encode-response.ts";
import { createStreamEncoder } from "./encode-stream.ts";
import { decodeError, encodeError } from "./errors.ts";
import { beginningOf, createUsageTap, readResponse } from "./usage.ts";

/** OpenAI Responses, `POST /v1/responses`. */
export const openaiResponses: Dialect = {
  name: "openai-responses",
  modelPaths: [["model"], ["response", "model"]],
  decodeRequest,
  encodeRequest,
  decodeResponse,
  encodeResponse,
  createStreamDecoder,
  createStreamEncoder,
  readResponse,
  createUsageTap,
  beginningOf,
  decodeError,
  encodeError,
};
