import { StringDecoder } from "node:string_decoder";
import { isObject, parseJson, type Batch, type JsonObject } from "@trunkline/contracts";
import { toGatewayError } from "@trunkline/contracts";
import { checkRequest } from "./execute-request.ts";

/** Most requests in one batch, and longest line, in characters. */
export const mostLines = 50_000;
const longestLine = 8 * 1024 * 1024;
/** Mistakes that are told. */
const mostErrors = 100;

export type BatchLine = { readonly line: number; readonly customId: string; readonly body: JsonObject };

/** Lines of pieces of text, without those that are empty. Numbers count from 1. */
async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<{ line: number; text: string }> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let line = 0;
  for await (const piece of pieces) {
    rest += decoder.write(piece);
    const parts = rest.split("\n");
    rest = parts.pop()!;
    for (const text of parts) {
      line++;
      if (text.trim() !== "") yield { line, text };
    }
    if (rest.length > longestLine) throw new Error(`line ${line + 1} is longer than ${longestLine} characters`);
  }
  rest += decoder.end();
  if (rest.trim() !== "") yield { line: line + 1, text: rest };
}

type Problem = Batch["errors"][number];

function readLine(text: string, line: number, endpoint: string, seen: Set<string>): BatchLine | Problem {
  const problem = (code: string, message: string): Problem => ({ code, line, message });
  const value = parseJson(text);
  if (!isObject(value)) return problem("invalid_json_line", "This line is not a JSON object.");
  const { custom_id: customId, method, url, body } = value;
  if (typeof customId !== "string" || customId === "" || customId.length > 512)
    return problem("missing_custom_id", "'custom_id' must be a text of at most 512 characters.");
  if (seen.has(customId))
    return problem("duplicate_custom_id", `'custom_id' ${customId} stands on another line already.`);
  seen.add(customId);
  if (method !== undefined && method !== "POST") return problem("invalid_method", "'method' must be POST.");
  if (url !== endpoint) return problem("mismatched_endpoint", `'url' must be the batch's endpoint, ${endpoint}.`);
  try {
    return { line, customId, body: checkRequest(url, body, "url").body };
  } catch (error) {
    return problem("invalid_request", toGatewayError(error).message);
  }
}

/** Every request of a batch's file, or what is wrong with it. */
export async function* readBatchLines(
  pieces: AsyncIterable<Buffer>,
  endpoint: string,
): AsyncGenerator<BatchLine | { readonly problem: Problem }> {
  const seen = new Set<string>();
  let errors = 0;
  try {
    for await (const { line, text } of linesOf(pieces)) {
      if (seen.size >= mostLines) {
        yield { problem: { code: "too_many_requests", line, message: `A batch holds at most ${mostLines} requests.` } };
        return;
      }
      const read = readLine(text, line, endpoint, seen);
      if ("customId" in read) yield read;
      else {
        yield { problem: read };
        if (++errors === mostErrors) return;
      }
    }
  } catch (error) {
    yield { problem: { code: "invalid_file", line: null, message: (error as Error).message } };
    return;
  }
  if (seen.size === 0 && errors === 0)
    yield { problem: { code: "empty_file", line: null, message: "The file holds no request." } };
}
