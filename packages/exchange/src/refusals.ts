import { GatewayError, type Key } from "@trunkline/contracts";
import { decodeEmbedRequest } from "@trunkline/dialects";
import { isModelAllowed } from "@trunkline/policies";
import type { Target } from "./catalogue.ts";
import type { Incoming } from "./incoming.ts";

/** A key may name models as clients ask for them, as providers know them, or as `provider/model`. */
export function checkAllowed(key: Key, requested: string, { provider, model }: Target): void {
  if (isModelAllowed(key, requested, model, `${provider.name}/${model}`)) return;
  throw new GatewayError(
    "model_not_allowed",
    `The key '${key.name}' does not allow the model '${requested}'. It allows: ${key.models.join(", ")}.`,
    { parameter: "model" },
  );
}

export function clientClosed(): GatewayError {
  return new GatewayError("client_closed", "The client went away before the answer was complete.");
}

export function noSessions(provider: string): GatewayError {
  return new GatewayError(
    "invalid_request",
    `The provider '${provider}' keeps no sessions: send the whole conversation, or choose a model of a vendor's program.`,
    { parameter: "x-trunkline-session" },
  );
}

export function keptElsewhere(provider: string): GatewayError {
  return new GatewayError(
    "invalid_request",
    `The previous response is kept by the provider '${provider}': continue with one of its models, or send the whole conversation as \`input\`.`,
    { parameter: "previous_response_id" },
  );
}

export function cannot(incoming: Incoming, provider: string): GatewayError {
  if (incoming.operation === "embed") decodeEmbedRequest(incoming.dialect, incoming.body.whole(), incoming.batch);
  return new GatewayError(
    "unsupported_parameter",
    `The provider '${provider}' has no embeddings. Choose an embedding model of another provider.`,
    { parameter: "model" },
  );
}
