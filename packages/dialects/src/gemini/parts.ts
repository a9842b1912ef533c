import {
  asArray,
  asString,
  compact,
  isObject,
  type AssistantPart,
  type FilePart,
  type JsonObject,
  type UserPart,
} from "@trunkline/contracts";
import { typeFromName } from "../shared/media.ts";
import { unwrapNative } from "../shared/native.ts";
import { objectAt, reject } from "../shared/reject.ts";
import { family } from "./schema.ts";

/**
 * Google's function calls need no id: the n-th call of a name answers to the n-th response of that name. The ids made here depend on
 * nothing but the order, so that the same history always gives the same ids and prompt caches stay warm.
 */
export type CallIds = {
  forCall(name: string, given?: string): string;
  forResult(name: string, given?: string): string;
};

export function createCallIds(): CallIds {
  let count = 0;
  const unanswered = new Map<string, string[]>();
  return {
    forCall(name, given) {
      const id = given || `call_${count++}_${name.replace(/[^a-zA-Z0-9_-]/g, "_")}`;
      unanswered.set(name, [...(unanswered.get(name) ?? []), id]);
      return id;
    },
    forResult(name, given) {
      const open = unanswered.get(name) ?? [];
      const id = given || open[0] || `call_${count++}_${name.replace(/[^a-zA-Z0-9_-]/g, "_")}`;
      unanswered.set(
        name,
        open.filter((other) => other !== id),
      );
      return id;
    },
  };
}

export function decodeBlob(part: JsonObject): FilePart | undefined {
  const inline = part["inlineData"];
  if (isObject(inline)) {
    return {
      type: "file",
      mediaType: asString(inline["mimeType"]) ?? "application/octet-stream",
      source: { kind: "base64", data: asString(inline["data"]) ?? "" },
    };
  }
  const file = part["fileData"];
  if (!isObject(file)) return undefined;
  const uri = asString(file["fileUri"]) ?? "";
  const mediaType = asString(file["mimeType"]) ?? typeFromName(uri) ?? "application/octet-stream";
  // Google's own file store answers only to Google.
  const isOwn = uri.startsWith("https://generativelanguage.googleapis.com/") || uri.startsWith("gs://");
  return { type: "file", mediaType, source: isOwn ? { kind: "file", id: uri, family } : { kind: "url", url: uri } };
}

export function decodeUserPart(part: JsonObject, path: string): UserPart {
  if (typeof part["text"] === "string") return { type: "text", text: part["text"] };
  const file = decodeBlob(part);
  if (file) return file;
  if (Object.keys(part).length === 0)
    reject(path, `${path}: required oneof field 'data' must have one initialized field`);
  return { type: "native", native: { family, value: part } };
}

/** One part of a model turn, in a request's history or in an answer. */
export function decodeModelPart(part: JsonObject, callIds: CallIds): AssistantPart[] {
  const signature = asString(part["thoughtSignature"]);
  const native = signature ? unwrapNative(signature, family) : undefined;
  const call = part["functionCall"];
  if (call !== undefined) {
    const details = objectAt(call, "functionCall");
    const name = asString(details["name"]) ?? "";
    return [
      compact({
        type: "tool-call",
        id: callIds.forCall(name, asString(details["id"])),
        name,
        input: JSON.stringify(details["args"] ?? {}),
        kind: "function",
        native,
      }) as AssistantPart,
    ];
  }
  if (typeof part["text"] === "string") {
    if (part["thought"] === true) return [compact({ type: "reasoning", text: part["text"], native }) as AssistantPart];
    // An empty part is Google's way to send a signature behind the text, or a stream's end with nothing left to say.
    if (part["text"] === "") return native ? [{ type: "reasoning", text: "", native }] : [];
    return [compact({ type: "text", text: part["text"], native }) as AssistantPart];
  }
  const file = decodeBlob(part);
  return file ? [compact({ ...file, native }) as FilePart] : [{ type: "native", native: { family, value: part } }];
}

/** Parts of the first candidate's content. */
export function partsOf(candidate: JsonObject): JsonObject[] {
  const content = candidate["content"];
  return isObject(content) ? asArray(content["parts"]).filter(isObject) : [];
}
