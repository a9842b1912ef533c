import {
  asArray,
  asString,
  GatewayError,
  type JsonObject,
  type JsonValue,
  type StoredResponse,
} from "@trunkline/contracts";
import type { RequestBody } from "@trunkline/dialects";

/** The port stateful Responses need. What is stored is one client's conversation: it is found under that client's key only. */
export type ResponseStore = {
  save(response: StoredResponse): Promise<void>;
  find(id: string, keyId: string): Promise<StoredResponse | undefined>;
  delete(id: string, keyId: string): Promise<boolean>;
};

/** A request's `input` as items. */
export function inputItems(body: JsonObject): JsonValue[] {
  const input = body["input"];
  if (typeof input === "string")
    return [{ type: "message", role: "user", content: [{ type: "input_text", text: input }] }];
  return asArray(input);
}

/**
 * A request that builds on a response we keep, as one that stands alone: everything said so far goes before its own input.
 * `instructions` are not carried over, as at OpenAI. Undefined when the request builds on nothing of ours.
 */
export async function withPrevious(
  request: RequestBody,
  keyId: string,
  store: ResponseStore,
): Promise<{ body: JsonObject; provider: string | null } | undefined> {
  const id = asString(request.member("previous_response_id"));
  if (id === undefined) return undefined;
  const previous = await store.find(id, keyId);
  if (!previous) {
    throw new GatewayError(
      "invalid_request",
      `Previous response with id '${id}' not found. It may have expired, belong to another key, or have been made with \`store: false\`.`,
      {
        parameter: "previous_response_id",
      },
    );
  }
  const body = request.whole();
  if (previous.provider !== null) return { body, provider: previous.provider };
  const { previous_response_id: _id, ...rest } = body;
  const input = [...(previous.input ?? []), ...asArray(previous.response?.["output"]), ...inputItems(body)];
  return { body: { ...rest, input }, provider: null };
}
