import type { Incoming } from "./incoming.ts";
import type { Observed } from "./observed.ts";
import { inputItems } from "./response-state.ts";
import type { ExchangeRuntime } from "./runtime.ts";

/** Keeps a Response that may be built on, or who keeps it; undefined when there is nothing to keep. */
export function keepResponse(
  runtime: ExchangeRuntime,
  incoming: Incoming,
  observed: Observed,
  keyId: string,
  provider: string,
): Promise<void> | undefined {
  const { response, responseId } = observed;
  if (incoming.dialect !== "openai-responses" || incoming.operation !== "generate") return undefined;
  if (!(incoming.body.member("store") ?? runtime.storeByDefault)) return undefined;
  const shared = { keyId, createdAt: incoming.receivedAt };
  if (response) {
    const input = inputItems(incoming.body.whole());
    return runtime.responses.save({ ...shared, id: String(response["id"]), provider: null, input, response });
  }
  if (responseId === undefined) return undefined;
  return runtime.responses.save({ ...shared, id: responseId, provider, input: null, response: null });
}
